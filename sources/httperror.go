package sources

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrRedirect is a redirect that [HTTPWith] does not follow.
	ErrRedirect = errors.New("redirect refused")

	// ErrNoLength is a body whose end nothing marks but that of the connection, with RequireLength.
	ErrNoLength = errors.New("the answer has no length: whether it is complete cannot be told")
)

// ChangedError is an answer that does not continue the file that the bytes before Offset belong to:
// the file has changed, or the server gives no proof that it has not. Only a download from the
// beginning helps.
type ChangedError struct {
	Offset int64  // position in the file, in bytes
	Reason string // what is wrong with the answer
	Answer Remote // what a success says; the zero Remote if the answer is none
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("the file cannot be continued at byte %d: %s", e.Offset, e.Reason)
}

// retryableError is an attempt that failed in a way that another one may not.
type retryableError struct {
	err   error
	after time.Duration // what Retry-After asks for
	final bool          // no other attempt would help
}

func (e *retryableError) Error() string { return e.err.Error() }
func (e *retryableError) Unwrap() error { return e.err }
