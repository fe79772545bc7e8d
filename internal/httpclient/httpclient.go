// Package httpclient has what the clients of HTTP in this module share: downloads, uploads and tus.
package httpclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/weirflow/weir/transfer"
)

// NewTransport returns a transport for one run: proxies from the environment, 30 s to connect, 10 s
// for TLS, 60 s for the headers. Its owner closes its idle connections.
func NewTransport() *http.Transport {
	t := &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
	}
	SetProxy(t)
	return t
}

// NewUploadTransport returns a transport like that of NewTransport for uploads. How long an answer may take is for [transfer.Limits]
// to say.
func NewUploadTransport() *http.Transport {
	t := NewTransport()
	t.ResponseHeaderTimeout = 0
	t.ExpectContinueTimeout = continueWait
	return t
}

// ParseURL's errors do not repeat the URL, which may have secrets in it.
func ParseURL(s string) (*url.URL, error) {
	u, err := url.Parse(EscapePercent(s))
	switch {
	case err != nil:
		return nil, fmt.Errorf("not a URL: %w", WithoutURL(err))
	case !IsHTTP(u):
		return nil, fmt.Errorf("scheme %q: want http or https", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("the URL has no host")
	}
	EscapeQuery(u)
	return u, nil
}

// IsHTTP reports whether a URL is one of http or https.
func IsHTTP(u *url.URL) bool { return u.Scheme == "http" || u.Scheme == "https" }

// PlainURL returns a URL as it may be shown: without user, password, query and fragment.
func PlainURL(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return shown.String()
}

// SameHost reports whether what a is trusted with may go to b: the same host and port, or its
// https.
func SameHost(a, b *url.URL) bool {
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

// WithoutURL takes the URL, which may have secrets in it, off an error of http.Client or url.Parse, also the words that
// http.Transport puts before that of a connection, and makes that of a proxy a [*ProxyError].
func WithoutURL(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	if inner := errors.Unwrap(err); inner != nil && err.Error() == "net/http: HTTP/1.x transport connection broken: "+inner.Error() {
		err = inner
	}
	return proxyError(err)
}

// CheckHeader refuses line breaks, which would begin another field.
func CheckHeader(h http.Header) error {
	for key, values := range h {
		if strings.ContainsAny(key+strings.Join(values, ""), "\r\n\x00") {
			return fmt.Errorf("header %q: want no line breaks", key)
		}
	}
	return nil
}

// Unredirected returns a copy of client that follows no redirect.
func Unredirected(client *http.Client) *http.Client {
	return &http.Client{
		Transport:     client.Transport,
		Jar:           client.Jar,
		Timeout:       client.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// TotalContext returns a context that also ends after total, with a *transfer.TimeoutError as its
// cause, unless total is zero or negative.
func TotalContext(ctx context.Context, total time.Duration) (context.Context, context.CancelFunc) {
	if total <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, total, &transfer.TimeoutError{Limit: "total", After: total})
}

const (
	maxAnswer  = 4 << 10 // bytes of an answer's body that are read
	answerTime = time.Second
)

// ReadAnswer returns the beginning of an answer's body, as far as it arrives within a second; then
// cancel, which is that of the request's context, ends it.
func ReadAnswer(resp *http.Response, cancel context.CancelCauseFunc) []byte {
	defer time.AfterFunc(answerTime, func() { cancel(nil) }).Stop()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // it only explains
	return text
}

// StatusError returns the error for an answer, whose body has been read.
func StatusError(method string, resp *http.Response, text []byte) *transfer.StatusError {
	return &transfer.StatusError{Method: method, Status: resp.StatusCode, Header: resp.Header, Body: text}
}
