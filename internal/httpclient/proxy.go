package httpclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// A ProxyVariableError is a variable of the environment that is to name a proxy and does not. Its value may have a password
// in it, and is not repeated.
type ProxyVariableError struct {
	Variable string
	Problem  string
}

func (e *ProxyVariableError) Error() string {
	return fmt.Sprintf("the environment variable %s: %s", e.Variable, e.Problem)
}

// A ProxyError is a proxy that cannot be reached.
type ProxyError struct{ Err error }

func (e *ProxyError) Error() string { return "the proxy: " + e.Err.Error() }
func (e *ProxyError) Unwrap() error { return e.Err }

// SetProxy makes a transport use the proxies of the environment: http_proxy, https_proxy, and for both all_proxy, but not for the
// hosts in no_proxy (see the package httpproxy). As with curl, names in lower case come first; HTTP_PROXY is ignored in a CGI program, where it
// is the request's header Proxy. Unlike with http.ProxyFromEnvironment, a variable that cannot be parsed fails the request with a
// [*ProxyVariableError], instead of a connection without the proxy. A proxy that refuses a connection fails it with
// a [*transfer.StatusError] of the method CONNECT.
func SetProxy(t *http.Transport) {
	proxy, err := proxyFromEnvironment(os.Getenv)
	t.Proxy = func(req *http.Request) (*url.URL, error) {
		if err != nil {
			return nil, err
		}
		return proxy(req.URL)
	}
	t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, connect *http.Request, resp *http.Response) error {
		if resp.StatusCode == http.StatusOK {
			return nil
		}
		return StatusError(http.MethodConnect, resp, nil)
	}
}

func proxyFromEnvironment(getenv func(string) string) (func(*url.URL) (*url.URL, error), error) {
	find := func(names ...string) (name, value string) {
		for _, name := range names {
			if v := getenv(name); v != "" {
				return name, v
			}
		}
		return "", ""
	}
	names := map[string][]string{"http": {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}, "https": {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}}
	if getenv("REQUEST_METHOD") != "" { // CGI, RFC 3875
		names["http"] = []string{"http_proxy", "all_proxy", "ALL_PROXY"}
	}
	found := make(map[string]string)
	for scheme, names := range names {
		name, value := find(names...)
		if problem := checkProxy(value); problem != "" {
			return nil, &ProxyVariableError{name, problem}
		}
		found[scheme] = value
	}
	_, except := find("no_proxy", "NO_PROXY")
	c := httpproxy.Config{HTTPProxy: found["http"], HTTPSProxy: found["https"], NoProxy: except}
	return c.ProxyFunc(), nil
}

// checkProxy says what is wrong with the address of a proxy; "" is nothing.
func checkProxy(value string) string {
	const want = "want [http|https|socks5|socks5h://][USER:PASSWORD@]HOST[:PORT]"
	if value == "" {
		return ""
	}
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	switch {
	case err != nil:
		return "not the address of a proxy: " + want // url.Parse's reason may quote the password
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h":
		return fmt.Sprintf("a proxy of the scheme %.20q: %s", u.Scheme, want)
	case u.Hostname() == "":
		return "the address of a proxy without a host: " + want
	case u.Port() != "":
		if n, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || n == 0 {
			return "the address of a proxy with a bad port: " + want
		}
	}
	return ""
}

// proxyError tells a proxy that cannot be reached from a server.
func proxyError(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "proxyconnect" {
		return &ProxyError{op.Err}
	}
	return err
}
