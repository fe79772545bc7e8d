package httpclient_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/weirflow/weir/internal/httpclient"
)

func TestSameHost(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"http://a/x", "http://A:80/y", true}, {"http://a", "https://a", true}, {"https://a", "http://a", false},
		{"http://a", "http://b", false}, {"http://a", "http://a:81", false}, {"https://a:443", "https://a", true},
		{"http://a:81", "https://a", false},
	} {
		a, _ := url.Parse(tt.a)
		b, _ := url.Parse(tt.b)
		if got := httpclient.SameHost(a, b); got != tt.want {
			t.Errorf("%s, %s: %v", tt.a, tt.b, got)
		}
	}
}

func TestEscapeQuery(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "",
		"a=b&c=%2F%2f+%20;d?e/f": "a=b&c=%2F%2f+%20;d?e/f",
		"a=b c":                  "a=b%20c",
		"\"<>\\^`{|}":            "%22%3C%3E%5C%5E%60%7B%7C%7D",
		"ä=\xff":                 "%C3%A4=%FF",
		"100%&%zz":               "100%25&%25zz",
		"%2":                     "%252",
		"a%":                     "a%25",
		"[1]'(2)!*$@:,":          "[1]'(2)!*$@:,",
	} {
		u := &url.URL{RawQuery: in}
		if httpclient.EscapeQuery(u); u.RawQuery != want {
			t.Errorf("%q: got %q, want %q", in, u.RawQuery, want)
		}
	}
}

func TestEscapeLocation(t *testing.T) {
	for in, want := range map[string]string{
		"http://u@[::1]:8/a%2f%2F//./../;b?c+d%20#e?f": "http://u@[::1]:8/a%2f%2F//./../;b?c+d%20#e?f",
		"/a b|\"\t\x01?c d#e f":                        "/a%20b%7C%22%09%01?c%20d#e%20f",
		"/ä/%zz%?\xff":                                 "/%C3%A4/%25zz%25?%FF",
		"":                                             "",
	} {
		if got := httpclient.EscapeLocation(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestCheckHeader(t *testing.T) {
	for key, value := range map[string]string{"A\nB": "x", "A": "x\r", "B": "\x00"} {
		if httpclient.CheckHeader(http.Header{key: {value}}) == nil {
			t.Errorf("%q: %q is allowed", key, value)
		}
	}
	if err := httpclient.CheckHeader(http.Header{"A": {"x y", "z"}}); err != nil {
		t.Error(err)
	}
}
