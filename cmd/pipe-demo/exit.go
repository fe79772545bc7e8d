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
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
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
	if isA[*sources.NetworkError](err) || isA[*sinks.NetworkError](err) {
		return exitNetwork // whatever was the cause the last time
	}
	if t, ok := errors.AsType[*sources.TimeoutError](err); ok && t.Limit == "total" {
		return exitLimit
	}
	if t, ok := errors.AsType[*sinks.TimeoutError](err); ok && t.Limit == "total" {
		return exitLimit
	}
	if status, ok := statusOf(err); ok {
		switch {
		case status >= 500 || status == 408 || status == 425 || status == 429:
			return exitNetwork
		case errors.Is(err, fs.ErrNotExist): // of a source: 404 and 410
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

// statusOf is the status of a server's answer that is an error.
func statusOf(err error) (int, bool) {
	if s, ok := errors.AsType[*sinks.StatusError](err); ok {
		return s.Status, true
	}
	if s, ok := errors.AsType[*sources.StatusError](err); ok {
		return s.Status, true
	}
	return 0, false
}

// refusedWith says that a server has refused an upload with a status.
func refusedWith(status int) func(error) bool {
	return func(err error) bool {
		s, ok := errors.AsType[*sinks.StatusError](err)
		return ok && s.Status == status
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

// isCorrupt says that a decoder did not like its input: it is damaged, foreign or cut off.
func isCorrupt(err error) bool {
	return isA[*stages.CorruptError](err) || isTruncated(err) || isShort(err) || isA[*sources.DigestError](err) || isA[*sinks.DigestError](err) || isA[*sources.CodingError](err)
}

// isShort says that a file turned out shorter than it was when it was opened.
func isShort(err error) bool {
	e, ok := errors.AsType[*pipeline.Error](err)
	return ok && e.Node == "file" && errors.Is(err, io.ErrUnexpectedEOF)
}

// isTruncated says that a decoder came to the end of its input too early.
func isTruncated(err error) bool {
	e, ok := errors.AsType[*pipeline.Error](err)
	return ok && e.Node == "gunzip" && errors.Is(err, io.ErrUnexpectedEOF)
}
