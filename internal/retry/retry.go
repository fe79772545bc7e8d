// Package retry decides whether a request over HTTP is repeated, and waits before it is.
package retry

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/transfer"
)

const (
	backoffBase = 500 * time.Millisecond // the longest wait before the first retry; doubled for each further one
	backoffMax  = 30 * time.Second
)

// A Counter counts the failed attempts of one transfer since its last progress. It is for one
// goroutine at a time.
type Counter struct {
	opts    transfer.Retry
	retries int
}

// New returns a Counter for the options of a transfer.
func New(opts transfer.Retry) *Counter { return &Counter{opts: opts.WithDefaults()} }

// Progress resets the count.
func (c *Counter) Progress() { c.retries = 0 }

// Retries is the number of retries since the last progress.
func (c *Counter) Retries() int { return c.retries }

// Exhausted reports whether an attempt that failed was the last one.
func (c *Counter) Exhausted() bool { return c.opts.Attempts >= 0 && c.retries+1 >= c.opts.Attempts }

// Wait counts a retry, calls OnRetry and waits: exponential backoff with full jitter, or after, what
// Retry-After asks for, if that is longer. It returns early with the cause of ctx.
func (c *Counter) Wait(ctx context.Context, after time.Duration, cause error) error {
	c.retries++
	wait := Delay(c.retries, after, c.opts.MaxWait)
	if c.opts.OnRetry != nil {
		c.opts.OnRetry(c.retries, wait, cause)
	}
	return Sleep(ctx, wait)
}

// Delay is the wait before retry number n, which counts from 1: random up to a bound that doubles
// with n, at least after, at most longest if that is not negative.
func Delay(n int, after, longest time.Duration) time.Duration {
	span := min(backoffBase<<min(n-1, 10), backoffMax)
	wait := max(rand.N(span+1), after)
	if longest >= 0 {
		wait = min(wait, longest)
	}
	return wait
}

// Sleep waits for d, or for the end of ctx, whose cause it returns then.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Transient reports whether the same request may get a better answer than this status later.
func Transient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// Permanent reports whether a request that failed with err would fail again. An unknown host is
// permanent unless the server has answered before.
func Permanent(err error, answered bool) bool {
	var (
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		status      *transfer.StatusError // of a proxy
		variable    *httpclient.ProxyVariableError
	)
	switch {
	case errors.As(err, &dns):
		return dns.IsNotFound && !answered
	case errors.As(err, &status):
		return !Transient(status.Status)
	case errors.As(err, &variable), errors.As(err, &certificate), errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return true
	}
	return false
}
