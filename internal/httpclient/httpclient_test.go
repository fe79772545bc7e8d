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
