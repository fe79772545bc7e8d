package httpkit

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
)

// NewTransport returns a transport for one run: proxies from the environment, 30 s to connect, 10 s
// for TLS, 60 s for the headers. Its owner closes its idle connections.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second,
	}
}

// ParseURL's errors do not repeat the URL, which may have secrets in it.
func ParseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("not a URL: %w", Bare(err))
	case !IsHTTP(u):
		return nil, fmt.Errorf("scheme %q: want http or https", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("the URL has no host")
	}
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

// Bare takes the URL, which may have secrets in it, off an error of http.Client or url.Parse.
func Bare(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

const (
	maxAnswer  = 4 << 10 // bytes of an answer that are read
	answerTime = time.Second
)

// ReadAnswer returns the beginning of an answer's body, as far as it comes within a second; then
// cancel, which is that of the request's context, ends it.
func ReadAnswer(resp *http.Response, cancel context.CancelCauseFunc) []byte {
	defer time.AfterFunc(answerTime, func() { cancel(nil) }).Stop()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // it only explains
	return text
}

// Refusal says that a server answered with status, and the first line of the body.
func Refusal(status int, body []byte) string {
	s := strings.TrimSpace(fmt.Sprintf("the server answered %d %s", status, http.StatusText(status)))
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	if line == "" {
		return s
	}
	return fmt.Sprintf("%s: %.200q", s, line) // quoted: it goes to terminals and logs
}
