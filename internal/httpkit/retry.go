// Package httpkit has what downloads and uploads over HTTP share: when to retry and how long to
// wait before, how long to wait for the other side, and the digest fields.
package httpkit

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// The defaults of the options.
const (
	Retries       = 5
	MaxWait       = 2 * time.Minute
	Idle          = time.Minute
	MinRateWindow = 30 * time.Second
)

// NoLimit is what a negative duration in the options means.
const NoLimit = time.Duration(1<<63 - 1)

// Limit is a duration of the options, with its default.
func Limit(d, otherwise time.Duration) time.Duration {
	switch {
	case d == 0:
		return otherwise
	case d < 0:
		return NoLimit
	}
	return d
}

// RetryLimit is a number of retries of the options, with its default.
func RetryLimit(n int) int {
	if n == 0 {
		return Retries
	}
	return max(0, n)
}

const (
	backoffBase = 500 * time.Millisecond // the longest wait before the first retry; doubled for each further one
	backoffMax  = 30 * time.Second
)

// Wait returns how long to wait before retry number n, which counts from 1: exponential backoff with
// full jitter, at least what Retry-After asked for, at most longest.
func Wait(n int, after, longest time.Duration) time.Duration {
	span := min(backoffBase<<min(n-1, 10), backoffMax)
	return min(max(rand.N(span+1), after), longest)
}

// Transient reports whether a status is about now and not about the request.
func Transient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// Hopeless reports whether a request that failed with err would fail again. answered: the server
// has been there before.
func Hopeless(err error, answered bool) bool {
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

// Pause waits for d or the end of ctx.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
