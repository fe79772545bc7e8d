package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

var (
	// Enough is what a run function returns when it needs no more input, as a function that walks a
	// directory returns [io/fs.SkipAll]: upstream is stopped with [ErrStopped], and the run continues
	// and may succeed. This package never returns it.
	//
	//lint:ignore ST1012 a signal, not an error
	Enough = errors.New("pipeline: enough input")

	// ErrInputLeft is the error of a run function that returns nil without having received io.EOF: a
	// dropped error, of a scanner or decoder for instance, would otherwise look like the end of the stream.
	ErrInputLeft = errors.New("returned nil before the end of its input: return pipeline.Enough to stop upstream, or the error that was dropped")

	// ErrStopped is the cause with which a node's context ends when nothing reads its
	// output: everything downstream of it has returned [Enough] or was stopped. It is not a
	// failure (promise 4): whatever a stopped node returns, except a panic, does not fail the run.
	//
	// If the context passed to [Source.Run] ends with ErrStopped, the source ends early: its first
	// node is stopped, and its stages receive EOF and flush.
	ErrStopped = errors.New("pipeline: stopped")

	// ErrClosed is the error of a port whose node has returned.
	ErrClosed = errors.New("pipeline: port used after its node returned")

	// ErrSingleUse is the error of the second run of a single-use description.
	ErrSingleUse = errors.New("can be run only once")

	errGoexit = errors.New("runtime.Goexit was called")
)

// Error is the failure of a node.
type Error struct {
	Node  string // name of the node that failed
	Bytes int64  // bytes the node had received by then; for a source, bytes it had sent
	Err   error  // the cause; never nil
}

// Error returns the node's name and the cause. If the cause is, or wraps, an [*fs.PathError] about the path that the
// node is named after, the path is there once, and in full.
func (e *Error) Error() string {
	name, text := e.Node, e.Err.Error()
	if p, ok := errors.AsType[*fs.PathError](e.Err); ok && (p.Path == name || nodeName(p.Path) == name) {
		name, text = quoted(p.Path), strings.Replace(text, p.Error(), withoutPath(p), 1)
	}
	return name + ": " + text
}

// withoutPath returns the text of an error without its path, and without an operation that is obvious.
func withoutPath(p *fs.PathError) string {
	switch p.Op {
	case "open", "stat", "lstat":
		return p.Err.Error()
	}
	return p.Op + ": " + p.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// PanicError is the cause when a node, or one of its last steps, panicked. It
// always fails the run, also when the node had been stopped or is in a branch
// that may fail.
type PanicError struct {
	Node  string // name of the node
	Value any    // what was passed to panic
	Stack []byte // the goroutine's stack, as runtime/debug.Stack prints it
}

// Error returns the value, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// undoError is a run's failure with the errors of undoing it.
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

// Unwrap returns the cause first, so that errors.As finds it before the others.
func (e *undoError) Unwrap() []error { return append([]error{e.cause}, e.undo...) }

// isPanic reports whether err is a panic or a runtime.Goexit, which fail the run under every
// policy.
func isPanic(err error) bool {
	var p *PanicError
	return errors.As(err, &p) || errors.Is(err, errGoexit)
}
