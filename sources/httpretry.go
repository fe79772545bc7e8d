package sources

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

const (
	backoffBase = 500 * time.Millisecond // the longest wait before the first retry; doubled for each further one
	backoffMax  = 30 * time.Second
)

// breakage is an attempt that failed in a way that another one may not.
type breakage struct {
	err   error
	after time.Duration // what Retry-After asks for
	final bool          // no other attempt would help
}

func (b *breakage) Error() string { return b.err.Error() }
func (b *breakage) Unwrap() error { return b.err }

// wait returns how long to wait before retry number n, which counts from 1.
func (b *breakage) wait(n int, longest time.Duration) time.Duration {
	span := min(backoffBase<<min(n-1, 10), backoffMax)
	return min(max(rand.N(span+1), b.after), longest)
}

// transient reports whether a status is about now and not about the request.
func transient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// retryAfter returns what Retry-After asks for (RFC 9110 section 10.2.3), or 0. A date counts from
// the server's own Date: the clocks may differ.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if value == "" {
		return 0
	}
	if at, err := http.ParseTime(value); err == nil {
		now, err := http.ParseTime(h.Get("Date"))
		if err != nil {
			now = time.Now()
		}
		return max(0, at.Sub(now))
	}
	for _, c := range []byte(value) {
		if c < '0' || c > '9' {
			return 0
		}
	}
	seconds, ok := parseDigits(value)
	if !ok || seconds > int64(noLimit/time.Second) { // more than fits
		return noLimit
	}
	return time.Duration(seconds) * time.Second
}

// hopeless reports whether a request that failed with err would fail again. answered: the server
// has been there before.
func hopeless(err error, answered bool) bool {
	var (
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &dns):
		return dns.IsNotFound && !answered
	case errors.As(err, &certificate), errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return true
	}
	return false
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
