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

// node is a spec in one run.
type node struct {
	spec   *spec
	run    *Run
	group  *group
	owner  *node // itself, or the node of the flow that a nested one works for
	outer  *node // the node that a nested one is in; nil for those of the flow
	record *nodeRecord

	// ctx is what the run function gets. It ends with runCtx, and that of the first
	// node of a nested source also when it is asked to end early.
	runCtx, ctx       context.Context
	cancel, cancelCtx context.CancelCauseFunc

	in   *Inlet
	outs []*Outlet

	// Guarded by run.mu.
	pending int  // what EOF behind this node still waits for: itself, and its upstream
	live    int  // outlets whose consumer still receives
	settled bool // no longer counted in pending

	started, stopped atomic.Int64 // stamps
	returned         atomic.Bool

	mu        sync.Mutex
	writers   []*Writer
	lastSteps []*lastStep // on owners only
	hidden    error       // of a nested node, or a misuse of a port: what the run function must not hide
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

// settle is called when the run function has returned: it closes the node's
// ports and passes EOF on. It returns the failure of the node's group, if there is one.
func (n *node) settle(err error, crashed bool) error {
	err = n.judge(err, crashed)
	n.stopped.Store(n.run.stamp())
	n.returned.Store(true)
	n.release()
	n.cancel(ErrClosed)

	n.run.mu.Lock()
	defer n.run.mu.Unlock()
	if err == nil {
		n.run.nodeEnded(n)
	}
	if n.in != nil && n.in.outer == nil {
		n.run.consumerLeft(n.in.ch)
	}
	return err
}

// judge asks for the verdict on what the run function returned, and carries it out. It is a function of
// its own so that its frame is off the stack when settle goes deep: else each node's stack has to grow.
func (n *node) judge(err error, crashed bool) error {
	if err == nil || err == Enough { //nolint:errorlint // see verdict
		if ferr := n.flush(); ferr != nil {
			err = ferr
		}
	}
	e := ending{err: err, crashed: crashed, before: context.Cause(n.group.ctx), stopped: n.ctx.Err() != nil, short: n.short()}
	e.left = n.in != nil && n.in.left()
	e.hidden = n.misused()
	blame, err := e.verdict()
	switch blame {
	case failed:
		return n.group.fail(n.wrap(err))
	case failsEvery:
		err = n.wrap(err)
		for g := n.group; g != nil; g = g.outer {
			g.cancel(err)
		}
		return context.Cause(n.group.ctx)
	}
	return err
}

// short returns an error if a promised size was not delivered.
func (n *node) short() error {
	from := n
	for from.in != nil && from.in.outer == nil {
		from = from.in.ch.from
	}
	if errors.Is(context.Cause(from.ctx), ErrStopped) {
		return nil // the source was asked to end early
	}
	for _, out := range n.outs {
		if err := out.short(); err != nil {
			return err
		}
	}
	return nil
}

// wrap puts the node's name and position to err. The error of a nested node, or of
// a run inside this one, has a name already.
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
	if n.hidden == nil {
		n.hidden = err
	}
	return err
}

// misused returns the first error that was given to misuse.
func (n *node) misused() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hidden
}

func (n *node) why(ctx context.Context) error {
	cause := context.Cause(ctx)
	switch {
	case n.returned.Load():
		return ErrClosed
	case cause == io.EOF: // a cause, not the end of the stream
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

// release releases the chunks that the adapters hold.
func (n *node) release() {
	n.mu.Lock()
	writers := n.writers
	n.mu.Unlock()
	for _, w := range writers {
		n.run.drop(n, w.drop())
	}
	if n.in != nil && n.in.outer == nil {
		n.run.drop(n, n.in.ch.rest.take())
	}
}

func (n *node) atEnd(f func(ctx context.Context, failed error) error) {
	if n.returned.Load() {
		_ = f(context.WithoutCancel(n.runCtx), ErrClosed) // the run may be over: there is no place for an error
		return
	}
	n.owner.mu.Lock()
	defer n.owner.mu.Unlock()
	n.owner.lastSteps = append(n.owner.lastSteps, &lastStep{node: n, f: f})
}
