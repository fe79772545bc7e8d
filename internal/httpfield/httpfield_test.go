package httpfield_test

import (
	"bytes"
	"crypto/sha256"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weirflow/weir/internal/httpfield"
)

func TestDate(t *testing.T) {
	const date = "Tue, 15 Nov 1994 08:12:31 GMT"
	if at, ok := httpfield.Date([]string{date}); !ok || at.Unix() != 784887151 {
		t.Errorf("%v, %t", at, ok)
	}
	for _, values := range [][]string{nil, {date, date}, {"yesterday"}, {""}} {
		if _, ok := httpfield.Date(values); ok {
			t.Errorf("%q: ok", values)
		}
	}
}

func TestDigests(t *testing.T) {
	sum := sha256.Sum256(nil)
	good := httpfield.Digest{Algorithm: "sha-256", Sum: sum[:]}
	bad := httpfield.Digest{Algorithm: "sha-256", Sum: make([]byte, 32)}
	for _, test := range []struct {
		rule       string
		values     []string
		want       []httpfield.Digest
		wellFormed bool
	}{
		{"no field", nil, nil, true},
		{"RFC 9530 section 2", []string{good.String()}, []httpfield.Digest{good}, true},
		{"RFC 9651 section 3.2: the last one of a name counts", []string{bad.String(), good.String()}, []httpfield.Digest{good}, true},
		{"also where it is not a byte sequence", []string{good.String() + ", sha-256=1"}, nil, false},
		{"RFC 9530 section 5: algorithms that prove nothing", []string{"md5=:AAAA:;a=1, a, " + good.String()}, []httpfield.Digest{good}, true},
		{"a digest of the wrong length", []string{"sha-256=:AAAA:, " + "sha-512=:AAAA:"}, nil, false},
		{"not a dictionary", []string{good.String() + ", ="}, nil, false},
		{"not base64", []string{good.String() + ", md5=:*:"}, nil, false},
		{"not closed", []string{"sha-256=:AAAA"}, nil, false},
	} {
		got, wellFormed := httpfield.Digests(test.values)
		if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" || wellFormed != test.wellFormed {
			t.Errorf("%s: %q: well-formed %t, want %t\n%s", test.rule, test.values, wellFormed, test.wellFormed, diff)
		}
	}
}

func FuzzDigests(f *testing.F) {
	sum := sha256.Sum256(nil)
	for _, s := range []string{"", httpfield.Digest{Algorithm: "sha-256", Sum: sum[:]}.String(), "sha-256=:AAAA:",
		"sha-256=:AA==:;x=1, md5=:AA:, a, b=1, sha-512=:AAAA:", "sha-256=:x, =::,", "a=?1;x", "=", ","} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, field string) {
		known, wellFormed := httpfield.Digests([]string{field})
		for _, d := range known {
			if algorithm := httpfield.DigestAlgorithms[d.Algorithm]; algorithm == nil || len(d.Sum) != algorithm().Size() {
				t.Errorf("%q of %d bytes", d.Algorithm, len(d.Sum))
			}
			again, ok := httpfield.Digests([]string{field, d.String()})
			if !ok && wellFormed {
				t.Errorf("%q and %q: malformed", field, d)
			}
			if last := again[len(again)-1]; !bytes.Equal(last.Sum, d.Sum) {
				t.Errorf("%q and %q: %v", field, d, again)
			}
		}
	})
}

func TestTagMatches(t *testing.T) {
	for _, test := range []struct {
		rule   string
		values []string
		etag   string
		strong bool
		want   bool
	}{
		{"RFC 9110 section 8.8.3.2", []string{`"a"`}, `"a"`, true, true},
		{"weak against strong", []string{`W/"a"`}, `"a"`, true, false},
		{"weak comparison", []string{`W/"a"`}, `"a"`, false, true},
		{"strong against weak", []string{`"a"`}, `W/"a"`, true, false},
		{"weak against weak", []string{`W/"a"`}, `W/"a"`, true, false},
		{"weak comparison, of a weak one", []string{`"a"`}, `W/"a"`, false, true},
		{"a list", []string{`"b", W/"c"`, `"a"`}, `"a"`, true, true},
		{"commas in a tag", []string{`"b,"a"`}, `"a"`, true, false},
		{"section 13.1.1: *", []string{" * "}, "", true, true},
		{"no tag there", []string{`""`}, "", false, false},
		{"an error ends the list", []string{`b, "a"`}, `"a"`, true, false},
		{"after the match", []string{`"a", b`}, `"a"`, true, true},
		{"section 5.6.1.2: empty elements", []string{`,, "a"`}, `"a"`, true, true},
		{"no comma between", []string{`"b" "a"`}, `"a"`, true, false},
	} {
		if got := httpfield.TagMatches(test.values, test.etag, test.strong); got != test.want {
			t.Errorf("%s: %q and %s: %t", test.rule, test.values, test.etag, got)
		}
	}
}

func FuzzTags(f *testing.F) {
	f.Add(`"v0", W/"v1"`)
	f.Add(`"`)
	f.Fuzz(func(t *testing.T, s string) {
		tag, weak, rest, ok := httpfield.CutTag(s)
		if ok && !strings.HasSuffix(s, tag+rest) {
			t.Errorf("%q: %q and %q", s, tag, rest)
		}
		if strong := ok && !weak && rest == ""; httpfield.IsStrongTag(s) != strong || strong && !httpfield.TagMatches([]string{s}, s, true) {
			t.Errorf("%q: %t", s, strong)
		}
	})
}

func TestRanges(t *testing.T) {
	for _, test := range []struct {
		rule   string
		values []string
		size   int64
		want   []httpfield.ByteRange
		ok     bool
	}{
		{"RFC 9110 section 14.1.2", []string{"bytes=0-499"}, 1000, []httpfield.ByteRange{{First: 0, Last: 499}}, true},
		{"section 14.1: units are case-insensitive", []string{"BYTES=0-0"}, 1000, []httpfield.ByteRange{{First: 0, Last: 0}}, true},
		{"clamped", []string{"bytes=999-99999999999999999999"}, 1000, []httpfield.ByteRange{{First: 999, Last: 999}}, true},
		{"a suffix longer than the file", []string{"bytes=-5000"}, 1000, []httpfield.ByteRange{{First: 0, Last: 999}}, true},
		{"unsatisfiable", []string{"bytes=1000-, -0"}, 1000, nil, true},
		{"touching", []string{"bytes=600-, 0-1, 2-3"}, 1000, []httpfield.ByteRange{{First: 600, Last: 999}, {First: 0, Last: 3}}, true},
		{"two fields", []string{"bytes=0-1", "bytes=2-3"}, 1000, nil, false},
		{"another unit", []string{"lines=0-1"}, 1000, nil, false},
		{"backwards", []string{"bytes=2-1"}, 1000, nil, false},
		{"no range", []string{"bytes=,"}, 1000, nil, false},
		{"signs", []string{"bytes=+1-2"}, 1000, nil, false},
		{"an empty file", []string{"bytes=0-"}, 0, nil, false},
	} {
		got, ok := httpfield.Ranges(test.values, test.size)
		if diff := cmp.Diff(test.want, got); diff != "" || ok != test.ok {
			t.Errorf("%s: %q: %t\n%s", test.rule, test.values, ok, diff)
		}
	}
}

func FuzzRanges(f *testing.F) {
	for _, s := range []string{"bytes=0-499", "bytes=-1", "bytes=5-,0-0", "bytes=0-0,500-599,20-29", "bytes=9-0", "x=1-2"} {
		f.Add(s, int64(1000))
	}
	f.Fuzz(func(t *testing.T, field string, size int64) {
		if size < 0 {
			t.Skip()
		}
		ranges, _ := httpfield.Ranges([]string{field}, size)
		for _, r := range ranges {
			parsed, ok := httpfield.ParseContentRange([]string{r.ContentRange(size)})
			if !ok || parsed.ByteRange != r || parsed.Size != size || r.Len() < 1 {
				t.Errorf("%q of %d: %+v is read back as %+v", field, size, r, parsed)
			}
		}
	})
}

func TestParseContentRange(t *testing.T) {
	for _, test := range []struct {
		value             string
		first, last, size int64
		ok                bool
	}{
		{"bytes 0-9/10", 0, 9, 10, true},
		{"Bytes 4-9/*", 4, 9, -1, true},
		{"bytes */10", -1, -1, 10, true},
		{"bytes */*", 0, 0, 0, false},
		{"bytes 0-10/10", 0, 0, 0, false},
		{"bytes 9-0/10", 0, 0, 0, false},
		{"bytes +0-9/10", 0, 0, 0, false},
		{"bytes 0-9", 0, 0, 0, false},
		{"bytes  0-9/10", 0, 0, 0, false},
		{"lines 0-9/10", 0, 0, 0, false},
		{"bytes 0/10", 0, 0, 0, false},
		{"", 0, 0, 0, false},
	} {
		r, ok := httpfield.ParseContentRange([]string{test.value})
		if ok != test.ok || ok && (r.First != test.first || r.Last != test.last || r.Size != test.size) {
			t.Errorf("%q: %+v, %t", test.value, r, ok)
		}
	}
	if _, ok := httpfield.ParseContentRange([]string{"bytes 0-9/10", "bytes 0-9/10"}); ok {
		t.Error("two fields: ok")
	}
}

func TestAcceptEncoding(t *testing.T) {
	for _, test := range []struct {
		rule, field, coding string
		weight              int
		prefers             bool
	}{
		{"RFC 9110 section 12.5.3: listed", "gzip", "gzip", 1000, true},
		{"not listed", "br", "gzip", 0, false},
		{"*", "*", "gzip", 1000, true},
		{"listed beside *", "*, gzip;q=0", "gzip", 0, false},
		{"identity is not among *", "*", "identity", 0, false},
		{"identity preferred", "identity, gzip;q=0.5", "gzip", 500, false},
		{"section 12.4.2: three decimals", "gzip;q=0.125", "gzip", 125, true},
		{"four decimals", "gzip;q=0.1250", "gzip", 0, false},
		{"above 1", "gzip;q=1.001", "gzip", 0, false},
		{"section 8.4.1: case-insensitive", "GZIP;Q=1", "gzip", 1000, true},
		{"section 8.4.1.3: x-gzip", "x-gzip", "gzip", 1000, true},
		{"white space", " gzip\t; q=0.5 ,", "gzip", 500, true},
	} {
		c := httpfield.AcceptEncoding([]string{test.field})
		if w, p := c.Weight(test.coding), c.Prefers(test.coding); w != test.weight || p != test.prefers {
			t.Errorf("%s: %q: %s has %d, preferred %t", test.rule, test.field, test.coding, w, p)
		}
	}
}

func FuzzAcceptEncoding(f *testing.F) {
	f.Add("gzip;q=0.5, *;q=0")
	f.Fuzz(func(t *testing.T, field string) {
		for name, w := range httpfield.AcceptEncoding([]string{field}) {
			if w < 0 || w > 1000 || name == "" {
				t.Errorf("%q: %q has %d", field, name, w)
			}
		}
	})
}

func TestRetryAfter(t *testing.T) {
	for _, test := range []struct {
		value, date string
		want        time.Duration
	}{
		{"20", "", 20 * time.Second},
		{"", "", 0},
		{"-1", "", 0},
		{"soon", "", 0},
		{"99999999999999999999", "", math.MaxInt64},
		{"9223372037", "", math.MaxInt64},
		{"Tue, 15 Nov 1994 08:12:31 GMT", "Tue, 15 Nov 1994 08:12:01 GMT", 30 * time.Second},
		{"Tue, 15 Nov 1994 08:12:31 GMT", "Tue, 15 Nov 1994 08:13:01 GMT", 0},
	} {
		if got := httpfield.RetryAfter(http.Header{"Retry-After": {test.value}, "Date": {test.date}}); got != test.want {
			t.Errorf("%q: %v, want %v", test.value, got, test.want)
		}
	}
}

// No value makes a wait negative.
func FuzzRetryAfter(f *testing.F) {
	f.Add("20", "")
	f.Add("99999999999999999999", "")
	f.Add("Tue, 15 Nov 1994 08:12:31 GMT", "Tue, 15 Nov 1994 08:12:30 GMT")
	f.Fuzz(func(t *testing.T, value, date string) {
		if d := httpfield.RetryAfter(http.Header{"Retry-After": {value}, "Date": {date}}); d < 0 {
			t.Error(d)
		}
	})
}

func FuzzUpload(f *testing.F) {
	for _, s := range []string{"", "0", "9223372036854775807", "9223372036854775808", "-1", "+1", "filename d29ybGQ=,is_confidential",
		"a,a", "a ,b", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "sha1", " "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := httpfield.UploadLength([]string{s}); ok && (n < 0 || strings.TrimLeft(s, "0") != strings.TrimLeft(strconv.FormatInt(n, 10), "0")) {
			t.Errorf("%q is %d", s, n)
		}
		if pairs, ok := httpfield.UploadMetadata([]string{s}); ok {
			again, ok := httpfield.UploadMetadata([]string{httpfield.FormatUploadMetadata(pairs)})
			if diff := cmp.Diff(pairs, again); !ok || diff != "" {
				t.Errorf("%q: %t\n%s", s, ok, diff)
			}
		}
		if algorithm, sum, ok := httpfield.UploadChecksum([]string{s}); ok {
			name, again, ok := httpfield.UploadChecksum([]string{httpfield.FormatUploadChecksum(algorithm, sum)})
			if !ok || name != algorithm || !bytes.Equal(again, sum) {
				t.Errorf("%q: %q %x, %t", s, name, again, ok)
			}
		}
	})
}
