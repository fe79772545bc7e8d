package pipeline

import (
	"context"
	"errors"
	"io"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"sync/atomic"
)

// node is a spec at work in one run.
type node struct {
	spec   *spec
	run    *Run
	group  *group
	top    *node // itself, or the node of the flow that a nested one works for
	record *nodeRecord

	// ctx is what the run function gets. It ends with hard, and that of the first
	// node of a nested source also when it is asked to end early.
	hard, ctx      context.Context
	cancel, soften context.CancelCauseFunc

	in   *Inlet
	outs []*Outlet

	// Guarded by run.mu.
	pending int  // what EOF behind this node still waits for: itself, and its upstream
	live    int  // outlets whose consumer still takes
	settled bool // no longer counted in pending

	started, stopped atomic.Int64 // stamps
	returned         atomic.Bool

	mu      sync.Mutex
	writers []*Writer
	steps   []*step // on top nodes only
	failed  error   // of a nested node, or a misuse of a port: what the run function must not hide
}

// start runs the node in a goroutine of its group.
func (n *node) start() {
	g := &n.group.errs
	g.Go(func() error {
		pprof.SetGoroutineLabels(n.ctx)
		n.started.Store(n.run.stamp())
		err, crashed := guard(n.spec.name, func() error { return n.spec.run(n.ctx, n.in, n.outs) }, func() {
			// The goroutine is unwinding and its return value is lost, so another one carries the
			// failure.
			g.Go(func() error { return n.settle(errGoexit, true) })
		})
		return n.settle(err, crashed)
	})
}

// guard calls f and makes an error of a panic. A runtime.Goexit cannot be stopped:
// exiting is called on the way out, and guard does not return.
func guard(name string, f func() error, exiting func()) (err error, crashed bool) {
	running := true
	defer func() {
		if !running {
			return
		}
		if v := recover(); v != nil {
			err, crashed = &PanicError{Node: name, Value: v, Stack: debug.Stack()}, true
			return
		}
		exiting()
	}()
	err = f()
	running = false
	return err, false
}

// settle is what happens when the run function has returned: it decides whether
// the node ended, was stopped or failed, lets go of its ports and passes EOF on.
func (n *node) settle(err error, crashed bool) error {
	enough := err == Enough //nolint:errorlint // as fs.SkipAll: a wrapped one is a failure
	if err == nil || enough {
		err = n.flush()
	}
	n.mu.Lock()
	hidden := n.failed
	n.mu.Unlock()
	if err == nil && !enough && n.in != nil && n.in.left() {
		err = ErrInputLeft
	}
	switch g := n.group; {
	case crashed: // not only the group: no policy forgives it, and nobody may have stopped it
		err = n.wrap(err)
		for ; g != nil; g = g.outer {
			g.cancel(err)
		}
		err = context.Cause(n.group.ctx)
	case g.ctx.Err() != nil: // somebody failed before, or the run was cancelled
		err = context.Cause(g.ctx)
	case n.ctx.Err() != nil: // stopped: what it says no longer matters
		err = nil
	case hidden != nil:
		err = g.fail(n.wrap(hidden))
	case err != nil:
		err = g.fail(n.wrap(err))
	default:
		if err = n.kept(); err != nil {
			err = g.fail(n.wrap(err))
		}
	}
	n.stopped.Store(n.run.stamp())
	n.returned.Store(true)
	n.release()
	n.cancel(ErrClosed)

	n.run.mu.Lock()
	defer n.run.mu.Unlock()
	if err == nil {
		n.run.arrive(n)
	}
	if n.in != nil && n.in.outer == nil {
		n.run.leave(n.in.channel)
	}
	return err
}

// kept returns an error if a promised size was not delivered.
func (n *node) kept() error {
	if n.in != nil && n.in.outer == nil && n.in.channel.from.cut() {
		return nil // a source before it was asked to end early
	}
	for _, out := range n.outs {
		if err := out.kept(); err != nil {
			return err
		}
	}
	return nil
}

// cut reports whether n, or the source that feeds it, was asked to end early.
func (n *node) cut() bool {
	for n.in != nil && n.in.outer == nil {
		n = n.in.channel.from
	}
	return errors.Is(context.Cause(n.ctx), ErrStopped)
}

// wrap puts the node's name and position to err. What a nested node said, or the
// node of a run inside this one, has a name already.
func (n *node) wrap(err error) error {
	if err == io.EOF { // promise 10
		err = io.ErrUnexpectedEOF
	}
	if named, ok := err.(*Error); ok { //nolint:errorlint // only an unwrapped one reads well without a name in front
		return named
	}
	return &Error{Node: n.spec.name, Bytes: n.seen(), Err: err}
}

// seen returns the bytes received, or for a source the bytes sent.
func (n *node) seen() int64 {
	if n.in != nil {
		return n.in.received()
	}
	var sent int64
	for _, out := range n.outs {
		sent += out.sent()
	}
	return sent
}

// misuse records an error that fails the node also if the run function drops it.
func (n *node) misuse(err error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.failed == nil {
		n.failed = err
	}
	return err
}

// ended returns why the node must end, or nil.
func (n *node) ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return n.why(ctx)
	}
	if ctx != n.ctx && n.ctx.Err() != nil {
		return n.why(n.ctx)
	}
	return nil
}

func (n *node) why(ctx context.Context) error {
	cause := context.Cause(ctx)
	switch {
	case n.returned.Load():
		return ErrClosed
	case cause == io.EOF: // whoever cancelled with that did not mean the end of the stream
		return io.ErrUnexpectedEOF
	}
	return cause
}

func (n *node) keep(w *Writer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.writers = append(n.writers, w)
}

func (n *node) flush() error {
	n.mu.Lock()
	writers := n.writers
	n.mu.Unlock()
	for _, w := range writers {
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// release lets go of what the adapters hold.
func (n *node) release() {
	n.mu.Lock()
	writers := n.writers
	n.mu.Unlock()
	for _, w := range writers {
		n.run.drop(n, w.drop())
	}
	if n.in != nil && n.in.outer == nil {
		n.run.drop(n, n.in.takeRest())
	}
}

func (n *node) atEnd(f func(ctx context.Context, failed error) error) {
	if n.returned.Load() {
		_ = f(context.WithoutCancel(n.hard), ErrClosed) // the run may be over; nobody is left to hear of it
		return
	}
	n.top.mu.Lock()
	defer n.top.mu.Unlock()
	n.top.steps = append(n.top.steps, &step{node: n, f: f})
}
