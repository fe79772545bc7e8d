package httpflow

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// header makes a header of lines.
func header(lines ...string) http.Header {
	h := http.Header{}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		h.Add(name, value)
	}
	return h
}

func TestDecideReceive(t *testing.T) {
	const tus = "Tus-Resumable: 1.0.0"
	for _, test := range []struct {
		rule   string
		method string
		url    string
		length int64
		header http.Header
		want   int // 0: it goes on
	}{
		{"9110 9.3.7", "OPTIONS", "/a", 0, header(), 204},
		{"tus: OPTIONS has no Tus-Resumable", "OPTIONS", "/a?upload=x", 0, header(), 204},
		{"9110 9.3.4", "PUT", "/a", 3, header(), 0},
		{"9110 9.3.4, unknown length", "PUT", "/a", -1, header(), 0},
		{"9110 14.5", "PUT", "/a", 3, header("Content-Range: bytes 0-2/3"), 400},
		{"9110 14.5, whatever it says", "PUT", "/a", 3, header("Content-Range: x"), 400},
		{"9110 15.5.16", "PUT", "/a", 3, header("Content-Encoding: gzip"), 415},
		{"9110 15.5.16, two fields", "PUT", "/a", 3, header("Content-Encoding: identity", "Content-Encoding: br"), 415},
		{"9110 8.4.1: case-insensitive", "PUT", "/a", 3, header("Content-Encoding: Identity"), 0},
		{"9110 15.5.14", "PUT", "/a", 101, header(), 413},
		{"9110 15.5.14", "PUT", "/a", 100, header(), 0},
		{"9530 2, malformed", "PUT", "/a", 3, header("Repr-Digest: sha-256"), 400},
		{"9530 2, malformed", "PUT", "/a", 3, header("Content-Digest: =:AA:"), 400},
		{"9530 2, unknown", "PUT", "/a", 3, header("Repr-Digest: crc32c=:AAAAAA==:"), 0},
		{"9110 15.5.6", "GET", "/a", 0, header(), 405},
		{"9110 15.5.6", "DELETE", "/a", 0, header(tus), 405},
		{"9110 15.5.6", "PATCH", "/a", 0, header(tus), 405},
		{"9110 15.5.6", "PUT", "/a?upload=x", 0, header(), 405},
		{"9110 15.5.6", "POST", "/a?upload=x", 0, header(tus), 405},
		{"9110 15.5.6", "BREW", "/a", 0, header(), 405},
		{"9110 9.3.2", "HEAD", "/a", 0, header(), 0},
		{"tus: POST", "POST", "/a", 0, header(tus), 0},
		{"tus: Tus-Resumable", "POST", "/a", 0, header(), 412},
		{"tus: Tus-Resumable", "POST", "/a", 0, header("Tus-Resumable: 0.2.2"), 412},
		{"tus: Tus-Resumable", "HEAD", "/a?upload=x", 0, header(), 412},
		{"tus: Tus-Resumable", "PATCH", "/a?upload=x", 0, header(), 412},
		{"tus: Tus-Resumable", "DELETE", "/a?upload=x", 0, header(), 412},
		{"tus: PATCH", "PATCH", "/a?upload=x", 0, header(tus), 0},
	} {
		r := httptest.NewRequest(test.method, test.url, nil)
		r.Header, r.ContentLength = test.header, test.length
		a, done := decideReceive(test.method, r, ReceiverOptions{MaxSize: 100})
		if done != (test.want != 0) || a.status != test.want {
			t.Errorf("%s: %s %s %v: got %d, want %d", test.rule, test.method, test.url, test.header, a.status, test.want)
		}
		if a.status == 405 && a.header.Get("Allow") == "" || a.status == 412 && a.header.Get("Tus-Version") != "1.0.0" {
			t.Errorf("%s: %v", test.rule, a.header)
		}
	}
}

func TestPermits(t *testing.T) {
	there := target{representation: thousand, exists: true}
	unreadable := target{exists: true}
	const before, after = "Thu, 29 Feb 2024 12:30:14 GMT", "Thu, 29 Feb 2024 12:30:16 GMT"
	for _, test := range []struct {
		rule   string
		header http.Header
		target target
		want   bool
	}{
		{"13.1.1", header(`If-Match: "v1"`), there, true},
		{"13.1.1", header(`If-Match: "v0", "v1"`), there, true},
		{"13.1.1", header(`If-Match: "v0"`), there, false},
		{"13.1.1, strong", header(`If-Match: W/"v1"`), there, false},
		{"13.1.1", header(`If-Match: *`), there, true},
		{"13.1.1", header(`If-Match: *`), target{}, false},
		{"13.1.1", header(`If-Match: "v1"`), target{}, false},
		{"13.1.1", header(`If-Match: "v1"`), unreadable, false},
		{"13.1.2", header(`If-None-Match: *`), there, false},
		{"13.1.2", header(`If-None-Match: *`), unreadable, false},
		{"13.1.2", header(`If-None-Match: *`), target{}, true},
		{"13.1.2, weak", header(`If-None-Match: W/"v1"`), there, false},
		{"13.1.2", header(`If-None-Match: "v0"`), there, true},
		{"13.1.4", header("If-Unmodified-Since: " + before), there, false},
		{"13.1.4", header("If-Unmodified-Since: " + modified), there, true},
		{"13.1.4", header("If-Unmodified-Since: " + after), there, true},
		{"13.1.4, no date", header("If-Unmodified-Since: yesterday"), there, true},
		{"13.1.4, nothing there", header("If-Unmodified-Since: " + before), target{}, true},
		{"13.2.2, order", header(`If-Match: "v1"`, "If-Unmodified-Since: "+before), there, true},
		{"13.2.2, both", header(`If-Match: "v1"`, `If-None-Match: "v1"`), there, false},
		{"no condition", header(), there, true},
		{"no condition", header(), target{}, true},
	} {
		if got := permits(test.header, test.target, now); got != test.want {
			t.Errorf("RFC 9110 §%s: %v: got %t", test.rule, test.header, got)
		}
		if got := permits(conditions(test.header), test.target, now); got != test.want {
			t.Errorf("RFC 9110 §%s: %v, kept: got %t", test.rule, test.header, got)
		}
	}
}

func FuzzReceivedNames(f *testing.F) {
	for _, s := range []string{"", "0", "a/../b", "/a", `a\b`, "con"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if sum, ok := parseChecksum([]string{s}); ok && (sum == nil || len(sum.want) != sum.begin().Size()) {
			t.Fatalf("%q: %+v", s, sum)
		}
		if name, status := named("dir", s); status == 0 && !strings.HasPrefix(name, "dir/") && !strings.HasPrefix(name, `dir\`) {
			t.Fatalf("%q: %q", s, name)
		}
	})
}
