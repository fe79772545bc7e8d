package pipeline

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// Enough is what a run function returns when it needs no more input, as a function that walks a
	// directory returns [io/fs.SkipAll]: upstream is stopped with [ErrStopped], and the run goes on
	// and may succeed. It is not returned by this package.
	//
	//lint:ignore ST1012 a signal, not an error
	Enough = errors.New("pipeline: enough input")

	// ErrInputLeft is why a run function fails that returns nil and has not received io.EOF: a
	// forgotten error, as of a scanner or decoder, would otherwise look like the end of the stream.
	ErrInputLeft = errors.New("returned nil before the end of its input: return pipeline.Enough to stop upstream, or the error that was dropped")

	// ErrStopped is the cause with which a node's context ends when nothing reads its
	// output: everything downstream of it has returned [Enough] or was stopped. It is an end, not a
	// failure (promise 4), so a node that sees it may return it or anything else.
	//
	// A context that ends with ErrStopped and is handed to [Source.Run] asks the
	// source to end early: its first node is stopped, the stages behind it see EOF
	// and flush.
	ErrStopped = errors.New("pipeline: stopped")

	// ErrClosed is what a port answers once the node that owns it has returned.
	ErrClosed = errors.New("pipeline: port used after its node returned")

	// ErrSingleUse is how the second run of a single-use description fails.
	ErrSingleUse = errors.New("can be run only once")

	errGoexit = errors.New("runtime.Goexit was called")
)

// Error is a failure with the place where it happened.
type Error struct {
	Node  string // name of the node that failed
	Bytes int64  // bytes the node had received by then; for a source, bytes it had sent
	Err   error  // the cause; never nil
}

// Error puts the node's name in front of the cause, once.
func (e *Error) Error() string { return e.Node + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// PanicError is the cause when a node, or one of its last steps, panicked. It
// always fails the run, also when the node had been stopped or sits in a branch
// that may fail.
type PanicError struct {
	Node  string // name of the node
	Value any    // what was passed to panic
	Stack []byte // the goroutine's stack, as runtime/debug.Stack prints it
}

// Error has the value, not the stack: a stack does not belong into a message.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// undoError is a run's failure and what went wrong while it was undone.
type undoError struct {
	cause error
	undo  []error
}

func (e *undoError) Error() string {
	texts := make([]string, len(e.undo))
	for i, err := range e.undo {
		texts[i] = err.Error()
	}
	return fmt.Sprintf("%v (undoing it failed too: %s)", e.cause, strings.Join(texts, "; "))
}

// Unwrap has the cause first, so that errors.As finds it before what followed.
func (e *undoError) Unwrap() []error { return append([]error{e.cause}, e.undo...) }

// isPanic reports whether err carries a panic or a runtime.Goexit: what no policy
// forgives.
func isPanic(err error) bool {
	var p *PanicError
	return errors.As(err, &p) || errors.Is(err, errGoexit)
}
