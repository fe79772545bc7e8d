package httpclient

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestProxyFromEnvironment(t *testing.T) {
	for _, test := range []struct{ env, target, want string }{
		{"", "http://h/", ""},
		{"http_proxy=http://p:1", "http://h/", "http://p:1"},
		{"http_proxy=p:1", "http://h/", "http://p:1"},
		{"http_proxy=http://p:1", "https://h/", ""},
		{"https_proxy=http://p:1", "https://h/", "http://p:1"},
		{"http_proxy=http://a HTTP_PROXY=http://b", "http://h/", "http://a"}, // as curl
		{"HTTP_PROXY=http://b", "http://h/", "http://b"},
		{"HTTP_PROXY=http://b REQUEST_METHOD=GET", "http://h/", ""}, // golang.org/s/cgihttpproxy
		{"http_proxy=http://b REQUEST_METHOD=GET", "http://h/", "http://b"},
		{"HTTPS_PROXY=http://b REQUEST_METHOD=GET", "https://h/", "http://b"},
		{"all_proxy=socks5h://p:1", "http://h/", "socks5h://p:1"},
		{"all_proxy=socks5h://p:1", "https://h/", "socks5h://p:1"},
		{"ALL_PROXY=http://p:1 https_proxy=http://q", "https://h/", "http://q"},
		{"all_proxy=http://p:1 ALL_PROXY=http://q:1", "http://h/", "http://p:1"},
		{"all_proxy=http://p:1 no_proxy=h,.i", "http://h/", ""},
		{"all_proxy=http://p:1 NO_PROXY=*", "http://h/", ""},
		{"all_proxy=http://p:1", "http://localhost:8080/", ""}, // as net/http
		{"http_proxy=http://u:p%20w@p:1", "http://h/", "http://u:p%20w@p:1"},
		{"http_proxy=https://p", "http://h/", "https://p"},
		{"http_proxy=http://[::1]:1", "http://h/", "http://[::1]:1"},
	} {
		env := environment(test.env)
		proxy, err := proxyFromEnvironment(func(name string) string { return env[name] })
		if err != nil {
			t.Errorf("%s: %v", test.env, err)
			continue
		}
		target, _ := url.Parse(test.target)
		u, err := proxy(target)
		got := ""
		if u != nil {
			got = u.String()
		}
		if err != nil || got != test.want {
			t.Errorf("%s, %s: got %q, %v, want %q", test.env, test.target, got, err, test.want)
		}
	}
}

// A variable that cannot be parsed is named, and its value, in which there may be a password, is not said.
func TestProxyVariableThatCannotBeParsed(t *testing.T) {
	for _, value := range []string{"http://u:secret%@p:1", "ftp://u:secret@p", "socks4://secret@p", "http://secret:x@", "http://u:secret@p:99999", "u:secret@p:port", "http://u:secret@p:0", "http://u:secret@ p", "://secret"} {
		for _, name := range []string{"http_proxy", "HTTPS_PROXY", "all_proxy"} {
			_, err := proxyFromEnvironment(func(n string) string {
				if n == name {
					return value
				}
				return ""
			})
			var bad *ProxyVariableError
			if !errors.As(err, &bad) || bad.Variable != name || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
}

func environment(s string) map[string]string {
	env := make(map[string]string)
	for word := range strings.FieldsSeq(s) {
		name, value, _ := strings.Cut(word, "=")
		env[name] = value
	}
	return env
}
