package sources

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const maxRedirects = 10

// newClient returns the client of one run, and what to do when the run is over. The client of the
// options is copied, because a redirect is judged here.
func newClient(given *http.Client) (client *http.Client, release func()) {
	client = &http.Client{CheckRedirect: checkRedirect}
	if given == nil {
		t := &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: 60 * time.Second,
		}
		client.Transport = t
		return client, t.CloseIdleConnections
	}
	client.Transport, client.Jar, client.Timeout = given.Transport, given.Jar, given.Timeout
	if also := given.CheckRedirect; also != nil {
		client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
			if err := checkRedirect(req, via); err != nil {
				return err
			}
			return also(req, via)
		}
	}
	return client, func() {}
}

// keptHeaders go to other hosts too: they are about the content, or the source's own.
var keptHeaders = []string{"Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "If-Range", "Range", "User-Agent"}

// checkRedirect judges one redirect. net/http has copied the first request's headers by then, and
// left out for other hosts only those whose names it knows: not an X-Api-Key.
func checkRedirect(req *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: more than %d of them", ErrRedirect, maxRedirects)
	case !isHTTP(req.URL):
		return fmt.Errorf("%w: to the scheme %.20q", ErrRedirect, req.URL.Scheme)
	case from.Scheme == "https" && req.URL.Scheme != "https":
		return fmt.Errorf("%w: from https to http", ErrRedirect)
	}
	if via[0].Header.Get("Referer") == "" {
		req.Header.Del("Referer") // net/http's own, whose query may be a password
	}
	first := via[0].URL
	strange := func(r *http.Request) bool { return !sameHost(first, r.URL) }
	if strange(req) || slices.ContainsFunc(via, strange) { // and what a stranger sends back is a stranger's request
		for key := range req.Header {
			if !slices.Contains(keptHeaders, key) {
				delete(req.Header, key)
			}
		}
	}
	return nil
}

// sameHost reports whether what a is trusted with may go to b: the same host and port, or its
// https.
func sameHost(a, b *url.URL) bool {
	if !strings.EqualFold(a.Hostname(), b.Hostname()) {
		return false
	}
	p, q := port(a), port(b)
	return p == q || p == "80" && q == "443" && b.Scheme == "https"
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// bare takes the URL, which may have secrets in it, off an error of http.Client.
func bare(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}
