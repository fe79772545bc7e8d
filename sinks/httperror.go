package sinks

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/weirflow/weir/internal/httpkit"
)

// StatusError is an answer other than 2xx.
type StatusError struct {
	Status int         // the status code
	Header http.Header // of the answer: Retry-After, Location
	Body   []byte      // the beginning of the answer's body, at most 4 KiB, as far as it came within a second
}

// Error has the status and the first line of the body.
func (e *StatusError) Error() string { return httpkit.Refusal(e.Status, e.Body) }

// DigestError is a stream that was sent as it came and is not what it should be, or not at the
// server.
type DigestError struct {
	Field     string // Repr-Digest, of the server's answer; "" for the caller's Sum
	Algorithm string // sha-256 or sha-512
	Want, Got []byte // Want is the caller's or the server's
}

func (e *DigestError) Error() string {
	what := "the " + e.Algorithm
	if e.Field != "" {
		what += " in the server's " + e.Field
	}
	return fmt.Sprintf("%s does not match: got %x, want %x", what, e.Got, e.Want)
}

// NetworkError is a transfer that broke off and was not retried any more, or could not be.
type NetworkError struct {
	Offset    int64 // bytes of the stream handed to the network; with tus, position in the upload up to which the server has them
	Retries   int   // retries since the last progress
	Resumable bool  // the upload is still there for a later run: see [TusOptions.Resume]
	Err       error // what happened the last time: a *StatusError if the server had trouble of its own
}

func (e *NetworkError) Error() string {
	s := e.Err.Error()
	if e.Offset > 0 {
		s = fmt.Sprintf("at byte %d: %s", e.Offset, s)
	}
	switch {
	case e.Retries == 1:
		return s + " (1 retry)"
	case e.Retries > 1:
		return fmt.Sprintf("%s (%d retries)", s, e.Retries)
	}
	return s
}

// Unwrap returns Err.
func (e *NetworkError) Unwrap() error { return e.Err }

// TimeoutError is a limit of the options that was reached: that for Total fails the run, the others
// are the cause of a [NetworkError].
type TimeoutError struct {
	Limit string        // "idle", "rate" or "total"
	After time.Duration // Idle, MinRateWindow or Total
}

func (e *TimeoutError) Error() string {
	switch e.Limit {
	case "idle":
		return fmt.Sprintf("the server did not move for %v", e.After)
	case "rate":
		return fmt.Sprintf("the server took less than the minimum rate for %v", e.After)
	}
	return fmt.Sprintf("not done after %v", e.After)
}

// Timeout returns true, as of a net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// Is makes it a context.DeadlineExceeded.
func (e *TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }
