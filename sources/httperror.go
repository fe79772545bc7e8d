package sources

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/weirflow/weir/internal/httpkit"
)

var (
	// ErrRedirect is a redirect that [HTTPWith] does not follow.
	ErrRedirect = errors.New("redirect refused")

	// ErrNoLength is a body whose end nothing marks but that of the connection, with RequireLength.
	ErrNoLength = errors.New("the answer has no length: whether it is complete cannot be told")
)

// StatusError is an answer other than a success. 404 and 410 are an [fs.ErrNotExist], in the sense
// of errors.Is.
type StatusError struct {
	Status int         // the status code
	Header http.Header // of the answer
	Body   []byte      // the beginning of the answer's body, at most 4 KiB, as far as it came within a second
}

// Error has the status and the first line of the body.
func (e *StatusError) Error() string { return httpkit.Refusal(e.Status, e.Body) }

// Is reports that a file is not there.
func (e *StatusError) Is(target error) bool {
	return target == fs.ErrNotExist && (e.Status == http.StatusNotFound || e.Status == http.StatusGone)
}

// ChangedError is an answer that does not continue the file that the bytes before Offset belong to:
// the file has changed, or the server gives no proof that it has not. Only a download from the
// beginning helps.
type ChangedError struct {
	Offset int64  // position in the file, in bytes
	Reason string // what is wrong with the answer
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("the file cannot be continued at byte %d: %s", e.Offset, e.Reason)
}

// DigestError is a stream that came whole and is not what it should be.
type DigestError struct {
	Field     string // Repr-Digest or Content-Digest; "" for the caller's Sum
	Algorithm string // sha-256 or sha-512; "" for the caller's Hash
	Want, Got []byte
}

func (e *DigestError) Error() string {
	what := "the digest"
	if e.Field != "" {
		what = "the " + e.Algorithm + " of " + e.Field
	}
	return fmt.Sprintf("%s does not match: got %x, want %x", what, e.Got, e.Want)
}

// NetworkError is a transfer that broke off and was not retried any more, or could not be.
type NetworkError struct {
	Offset    int64 // position in the file, in bytes, up to which it was emitted; a sink may have got less
	Retries   int   // retries since the last progress
	Resumable bool  // a later run may go on, with the Validator that OnAnswer was told
	Err       error // what happened the last time: a *StatusError if the server had trouble of its own
}

func (e *NetworkError) Error() string {
	s := fmt.Sprintf("at byte %d: %v", e.Offset, e.Err)
	switch {
	case !e.Resumable:
		return s + " (and the server gave nothing to continue with)"
	case e.Retries == 1:
		return s + " (1 retry)"
	case e.Retries > 1:
		return fmt.Sprintf("%s (%d retries)", s, e.Retries)
	}
	return s
}

// Unwrap returns Err.
func (e *NetworkError) Unwrap() error { return e.Err }

// TimeoutError is a limit of the [HTTPOptions] that was reached: that for Total fails the run, the
// others are retried and may be the cause of a [NetworkError].
type TimeoutError struct {
	Limit string        // "idle", "rate" or "total"
	After time.Duration // Idle, MinRateWindow or Total
}

func (e *TimeoutError) Error() string {
	switch e.Limit {
	case "idle":
		return fmt.Sprintf("the server said nothing for %v", e.After)
	case "rate":
		return fmt.Sprintf("the server sent less than the minimum rate for %v", e.After)
	}
	return fmt.Sprintf("not done after %v", e.After)
}

// Timeout returns true, as of a net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// Is makes it a context.DeadlineExceeded.
func (e *TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// CodingError is a body with a content coding that was not asked for (RFC 9110 section 12.5.3). To
// emit it would make a file of other bytes than the caller expects. With an Accept-Encoding of
// one's own it is taken as it is.
type CodingError struct{ Coding string }

func (e *CodingError) Error() string {
	return fmt.Sprintf("the server sent the coding %.50q, which was not asked for", e.Coding)
}
