package main

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
	"github.com/weirflow/weir/internal/retry"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
	wire "github.com/weirflow/weir/transfer"
)

// The exit codes. Those of signals are 128 and the signal's number.
const (
	exitDone      = 0
	exitFailed    = 1
	exitUsage     = 2   // the command line or the flow; nothing was touched
	exitNoSource  = 3   // the source does not exist
	exitExists    = 4   // the destination exists
	exitNetwork   = 5   // the network, or a server's own trouble
	exitIntegrity = 6   // corrupt, truncated or foreign input
	exitLimit     = 7   // stopped by a limit that the user set
	exitPipe      = 141 // whoever read standard output is gone; nothing is said
)

// An exitError is an error that knows how the program ends with it.
type exitError struct {
	code int
	err  error
	hint string // a line of its own behind the error; may be empty
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usageError is a command line that cannot be done.
func usageError(format string, args ...any) *exitError {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// A limitError is the cause of a context that ran into a limit of the user's.
type limitError struct{ what string }

func (e limitError) Error() string { return "stopped by " + e.what }

// exitCode finds the code for an error: the error's own, or by what is in its chain.
func exitCode(err error) int {
	if err == nil || errors.Is(err, errSkipped) {
		return exitDone
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	if _, ok := errors.AsType[*flow.Error](err); ok {
		return exitUsage
	}
	if s, ok := errors.AsType[stoppedBy](err); ok {
		return s.code()
	}
	if _, ok := errors.AsType[limitError](err); ok {
		return exitLimit
	}
	if _, ok := errors.AsType[*pipeline.PanicError](err); ok {
		return exitFailed
	}
	if isA[*wire.NetworkError](err) {
		return exitNetwork // whatever was the cause the last time
	}
	if t, ok := errors.AsType[*wire.TimeoutError](err); ok && t.Limit == "total" {
		return exitLimit
	}
	if e, ok := errors.AsType[*wire.StatusError](err); ok {
		switch {
		case retry.Transient(e.Status):
			return exitNetwork
		case e.Method == http.MethodGet && errors.Is(e, fs.ErrNotExist):
			return exitNoSource
		case refusedWith(http.StatusPreconditionFailed)(err):
			return exitExists
		}
		return exitFailed
	}
	if isNetwork(err) {
		return exitNetwork
	}
	if isCorrupt(err) {
		return exitIntegrity
	}
	if errors.Is(err, fs.ErrExist) {
		return exitExists
	}
	return exitFailed
}

// refusedWith says that a server has refused an upload with a status.
func refusedWith(status int) func(error) bool {
	return func(err error) bool {
		e, ok := errors.AsType[*wire.StatusError](err)
		return ok && e.Status == status && e.Method != http.MethodGet
	}
}

func isNetwork(err error) bool {
	if isA[*sources.ChangedError](err) {
		return true
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return !errors.Is(err, context.Canceled)
	}
	_, op := errors.AsType[*net.OpError](err)
	_, dns := errors.AsType[*net.DNSError](err)
	return op || dns || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED)
}

// isCorrupt says that the input is damaged, foreign or truncated.
func isCorrupt(err error) bool {
	return isA[*stages.CorruptError](err) || isA[*wire.TruncatedError](err) || isA[*wire.DigestError](err) || isA[*sources.CodingError](err)
}

// isTruncated says that a decoder came to the end of its input too early.
func isTruncated(err error) bool {
	e, ok := errors.AsType[*stages.CorruptError](err)
	return ok && errors.Is(e, io.ErrUnexpectedEOF)
}

// isShort says that a file turned out shorter than it was when it was opened.
func isShort(err error) bool {
	return isA[*wire.TruncatedError](err) && !isA[*wire.NetworkError](err)
}
