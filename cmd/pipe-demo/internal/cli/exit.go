package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/retry"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
	"github.com/weirflow/weir/transfer"
)

// The exit codes. Those of signals are 128 and the signal's number.
const (
	ExitDone      = 0
	ExitFailed    = 1
	ExitUsage     = 2   // the command line or the flow; nothing was touched
	ExitNoSource  = 3   // the source does not exist
	ExitExists    = 4   // the destination exists
	ExitNetwork   = 5   // the network, or a server's own failure
	ExitIntegrity = 6   // corrupt, truncated or foreign input
	ExitLimit     = 7   // stopped by a limit that the user set
	ExitPipe      = 141 // the reader of standard output has closed it; nothing is printed
)

// ExitStatuses are the exit codes with what they mean, for the manual.
var ExitStatuses = []struct {
	Code    int
	Meaning string
}{
	{ExitDone, "done"},
	{ExitFailed, "failed"},
	{ExitUsage, "wrong command line, flow or environment; nothing was touched"},
	{ExitNoSource, "the source does not exist"},
	{ExitExists, "the destination exists, and neither -f nor -n is given"},
	{ExitNetwork, "the network or a server failed, and the retries are used up"},
	{ExitIntegrity, "the input is truncated or corrupt, has another digest, or changed while it was read"},
	{ExitLimit, "stopped by a limit, such as --max-time"},
	{129, "stopped by SIGHUP"},
	{130, "stopped by SIGINT (Ctrl-C)"},
	{ExitPipe, "the reader of standard output has closed it"},
	{143, "stopped by SIGTERM"},
}

// An Error is an error with the exit code that it causes. It decides the code whatever it wraps.
type Error struct {
	Code int
	Err  error
	Hint string // the last line, on what to do; may be empty
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Errorf is an Error without a hint.
func Errorf(code int, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// Usage is the error for a command line that makes no sense.
func Usage(format string, args ...any) *Error { return Errorf(ExitUsage, format, args...) }

// WithHint sets the hint of an error and returns the error.
func (e *Error) WithHint(hint string) *Error {
	e.Hint = hint
	return e
}

// A DestinationError is about what is written to, or the directory that it is in.
type DestinationError struct {
	Path string
	Err  error
}

func (e *DestinationError) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *DestinationError) Unwrap() error { return e.Err }

// Into returns the error for a destination.
func Into(path string, err error) error { return &DestinationError{path, Cause(err)} }

var (
	// ErrSkipped ends a command successfully: with -n, an output that exists is left as it is.
	ErrSkipped = errors.New("skipped")
	// ErrReported marks a failure that has been printed already.
	ErrReported = errors.New("reported")
)

// A LimitError is the cause of a context that reached a limit set by the user.
type LimitError struct{ Limit string } // with its value: "--max-time 5s"

func (e LimitError) Error() string { return "stopped by " + e.Limit }

// ExitCode finds the exit code of an error by the types in its chain.
func ExitCode(err error) int {
	if err == nil || errors.Is(err, ErrSkipped) {
		return ExitDone
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	if isA[*flow.Error](err) || isA[*pipeline.SameFileError](err) {
		return ExitUsage
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok && errors.Is(e.Err, syscall.EPIPE) { // a pipe that has a name, or standard output
		return ExitPipe
	}
	if s, ok := errors.AsType[SignalError](err); ok {
		return s.ExitCode()
	}
	if isA[LimitError](err) {
		return ExitLimit
	}
	if isA[*pipeline.PanicError](err) {
		return ExitFailed
	}
	if isA[*httpclient.ProxyVariableError](err) {
		return ExitUsage
	}
	if isA[*transfer.NetworkError](err) {
		return ExitNetwork // whatever the last attempt failed with
	}
	if t, ok := errors.AsType[*transfer.TimeoutError](err); ok && t.Limit == "total" {
		return ExitLimit
	}
	if e, ok := errors.AsType[*transfer.StatusError](err); ok {
		switch {
		case retry.Transient(e.Status):
			return ExitNetwork
		case e.Method == http.MethodGet && errors.Is(e, fs.ErrNotExist):
			return ExitNoSource
		case refusedWith(http.StatusPreconditionFailed)(err):
			return ExitExists
		}
		return ExitFailed
	}
	if isNetwork(err) {
		return ExitNetwork
	}
	if isCorrupt(err) {
		return ExitIntegrity
	}
	if errors.Is(err, fs.ErrExist) {
		return ExitExists
	}
	return ExitFailed
}

// refusedWith reports whether a server has refused an upload with a status.
func refusedWith(status int) func(error) bool {
	return func(err error) bool {
		e, ok := errors.AsType[*transfer.StatusError](err)
		return ok && e.Status == status && e.Method != http.MethodGet && e.Method != http.MethodHead
	}
}

func isNetwork(err error) bool {
	if isA[*sources.ChangedError](err) {
		return true
	}
	if isA[*url.Error](err) {
		return !errors.Is(err, context.Canceled)
	}
	return isA[*net.OpError](err) || isA[*net.DNSError](err) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED)
}

// isUnreached reports whether a connection was not even made.
func isUnreached(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return isA[*httpclient.ProxyError](err) || ok && op.Op == "dial"
}

// isCorrupt reports whether the input is damaged, foreign or truncated.
func isCorrupt(err error) bool {
	return isA[*stages.CorruptError](err) || isA[*transfer.TruncatedError](err) || isA[*transfer.DigestError](err) || isA[*sources.ModifiedError](err)
}

// isTruncated reports whether a decoder reached the end of its input too early.
func isTruncated(err error) bool {
	e, ok := errors.AsType[*stages.CorruptError](err)
	return ok && errors.Is(e, io.ErrUnexpectedEOF)
}

// isShort reports whether a file turned out shorter than it was when it was opened.
func isShort(err error) bool {
	return isA[*transfer.TruncatedError](err) && !isA[*transfer.NetworkError](err)
}
