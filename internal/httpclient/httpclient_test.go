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
		"100%&%zz":               "100%&%zz",
		"[1]'(2)!*$@:,":          "[1]'(2)!*$@:,",
	} {
		u := &url.URL{RawQuery: in}
		if httpclient.EscapeQuery(u); u.RawQuery != want {
			t.Errorf("%q: got %q, want %q", in, u.RawQuery, want)
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
