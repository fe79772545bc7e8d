package sources

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/weirflow/weir/internal/httpclient"
)

const maxRedirects = 10

// newClient returns the client of one run, and what to do when the run is over. The client of the
// options is copied, because a redirect is judged here.
func newClient(given *http.Client) (client *http.Client, release func()) {
	client = &http.Client{CheckRedirect: checkRedirect}
	if given == nil {
		t := httpclient.NewTransport()
		client.Transport = locations{t}
		return client, t.CloseIdleConnections
	}
	client.Transport, client.Jar, client.Timeout = locations{given.Transport}, given.Jar, given.Timeout
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

// locations is a transport whose redirects net/http can parse: it would take one that it cannot parse for an error of the connection,
// and repeat the Location with its query.
type locations struct{ http.RoundTripper }

func (l locations) RoundTrip(r *http.Request) (*http.Response, error) {
	rt := l.RoundTripper
	if rt == nil {
		rt = http.DefaultTransport
	}
	resp, err := rt.RoundTrip(r)
	if err != nil || resp.StatusCode/100 != 3 || resp.Header.Get("Location") == "" {
		return resp, err
	}
	location := httpclient.EscapeLocation(resp.Header.Get("Location"))
	if _, err := r.URL.Parse(location); err != nil {
		resp.Body.Close()
		return nil, fmt.Errorf("%w: the Location is not a URL: %w", ErrRedirect, httpclient.WithoutURL(err))
	}
	resp.Header.Set("Location", location)
	return resp, nil
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
	case !httpclient.IsHTTP(req.URL):
		return fmt.Errorf("%w: to the scheme %.20q", ErrRedirect, req.URL.Scheme)
	case req.URL.Hostname() == "":
		return fmt.Errorf("%w: to a URL without a host", ErrRedirect)
	case from.Scheme == "https" && req.URL.Scheme != "https":
		return fmt.Errorf("%w: from https to http", ErrRedirect)
	}
	if via[0].Header.Get("Referer") == "" {
		req.Header.Del("Referer") // net/http's own, whose query may be a password
	}
	first := via[0].URL
	strange := func(r *http.Request) bool { return !httpclient.SameHost(first, r.URL) }
	if strange(req) || slices.ContainsFunc(via, strange) { // and what a stranger sends back is a stranger's request
		for key := range req.Header {
			if !slices.Contains(keptHeaders, key) {
				delete(req.Header, key)
			}
		}
	}
	return nil
}
