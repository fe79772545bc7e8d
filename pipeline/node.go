package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
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

// group is a set of nodes that fail together: a whole run, a branch that may
// fail without the run, or the nodes of a nested run.
type group struct {
	run    *Run
	outer  *group // the group around this one; nil for the run itself
	branch bool   // may fail without outer
	ctx    context.Context
	cancel context.CancelCauseFunc // the first cause wins
	errs   errgroup.Group

	nodes    []*node
	branches []*group
	lost     *Error // why this branch was detached; guarded by run.mu
}

func newGroup(r *Run, outer *group, ctx context.Context) *group {
	g := &group{run: r, outer: outer}
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	return g
}

// build adds the nodes of a chain to g. The first one reads from prev over a new
// edge, or through in; the last one sends through out. Both may be nil.
func (g *group) build(owner *node, specs []*spec, prev *node, in *Inlet, out *Outlet) {
	for i, s := range specs {
		if s.policy.detach {
			branch := newGroup(g.run, g, g.ctx)
			branch.branch = true
			g.branches = append(g.branches, branch)
			g = branch
		}
		n := g.add(owner, s, i)
		switch {
		case prev != nil:
			g.run.connect(prev, n)
		case in != nil:
			n.in = in.nested(n)
		}
		if out != nil && i == len(specs)-1 {
			n.outs = []*Outlet{{node: n, edge: out.edge, outer: out}}
		}
		for _, b := range s.branches {
			g.build(owner, b.nodes, n, nil, nil)
		}
		prev = n
	}
}

func (g *group) add(owner *node, s *spec, pos int) *node {
	n := &node{spec: s, run: g.run, group: g, pending: 1}
	n.top = n
	if owner != nil {
		n.top = owner.top
	}
	hard, cancel := context.WithCancelCause(g.ctx)
	n.hard, n.cancel = pprof.WithLabels(hard, pprof.Labels("node", s.name)), cancel
	n.ctx, n.soften = n.hard, cancel
	n.record = g.run.recordNode(owner, n, pos)
	g.nodes = append(g.nodes, n)
	return n
}

// start runs the nodes of g and of its branches, and wait returns the first failure.
func (g *group) start() {
	for _, n := range g.nodes {
		n.start()
	}
	for _, b := range g.branches {
		g.errs.Go(func() error {
			b.start()
			return g.detach(b, b.wait())
		})
	}
}

func (g *group) wait() error {
	err := g.errs.Wait()
	g.cancel(ErrClosed)
	return err
}

// fail cancels g because of err and returns the cause that came first.
func (g *group) fail(err error) error {
	g.cancel(err)
	return context.Cause(g.ctx)
}

// detach decides what the failure of branch b means to g.
func (g *group) detach(b *group, err error) error {
	var failure *Error
	switch {
	case err == nil:
		return nil
	case g.ctx.Err() != nil:
		return context.Cause(g.ctx)
	case !errors.As(err, &failure):
		return g.fail(err)
	}
	g.run.lose(b, failure)
	return nil
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
func guard(name string, f func() error, exiting func()) (err error, crashed bool) { //nolint:revive // the error is the answer, crashed its kind
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
	if err == nil {
		err = n.flush()
	}
	n.mu.Lock()
	hidden := n.failed
	n.mu.Unlock()
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
		n.run.leave(n.in.edge)
	}
	return err
}

// kept returns an error if a promised size was not delivered.
func (n *node) kept() error {
	if n.in != nil && n.in.outer == nil && n.in.edge.from.cut() {
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
		n = n.in.edge.from
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

// nest runs specs inside n and waits for them: see Source.Run.
func (n *node) nest(ctx context.Context, specs []*spec, in *Inlet, out *Outlet) error {
	if err := check(specs); err != nil {
		return err
	}
	if err := n.ended(ctx); err != nil && (n.hard.Err() != nil || !errors.Is(err, ErrStopped)) {
		return err
	}
	if in != nil && specs[0].policy.lossy {
		// A lossy sink needs an edge of its own in front.
		pass := spec{name: "pass", kind: KindStage, run: func(ctx context.Context, in *Inlet, outs []*Outlet) error {
			return Stage{}.Run(ctx, in, outs[0])
		}}
		specs = append([]*spec{&pass}, specs...)
	}
	g := newGroup(n.run, n.group, n.hard)
	n.run.mu.Lock()
	g.build(n, specs, nil, in, out)
	n.run.mu.Unlock()

	first := g.first()
	var soft context.Context
	soft, first.soften = context.WithCancelCause(first.hard)
	first.ctx = soft
	if ctx.Err() != nil { // asked to end before it began: the stages have something to say all the same
		first.soften(ErrStopped)
	}
	var aborted atomic.Bool
	release := afterFunc(ctx, func() {
		if cause := context.Cause(ctx); errors.Is(cause, ErrStopped) {
			first.soften(ErrStopped)
		} else {
			aborted.Store(true)
			g.cancel(cause)
		}
	})
	g.start()
	err := g.wait()
	release()
	first.soften(ErrClosed)
	n.run.retire(g)

	switch {
	case err == nil:
		return n.hardEnd()
	case n.hard.Err() != nil || aborted.Load():
		// Stopped or abandoned: the caller may go on, and the run succeed. What
		// should have received a whole stream here has not.
		if aborted.Load() || out == nil {
			n.run.lose(g, &Error{n.spec.name, n.seen(), err})
		}
		return err
	}
	return n.misuse(err)
}

// hardEnd returns why n itself must end, if it must.
func (n *node) hardEnd() error {
	if n.hard.Err() != nil {
		return context.Cause(n.hard)
	}
	return nil
}

// first returns the node that the chain of g begins with.
func (g *group) first() *node {
	for len(g.nodes) == 0 { // the whole chain is one branch
		g = g.branches[0]
	}
	return g.nodes[0]
}

// afterFunc is context.AfterFunc with a release that waits for f if it has begun.
func afterFunc(ctx context.Context, f func()) (release func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		f()
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// stamp returns the nanoseconds since the start, plus one: 0 stands for "not yet".
func (r *Run) stamp() int64 { return int64(r.now().Sub(r.start)) + 1 }

func (r *Run) now() time.Time { return time.Now() }

// check finds zero values in a description before anything starts.
func check(specs []*spec) error {
	for _, s := range specs {
		if s.policy.bytes < 0 {
			return fmt.Errorf("pipeline: Lossy of %d bytes: want 0 or more", s.policy.bytes)
		}
		for _, b := range s.branches {
			if len(b.nodes) == 0 {
				return errNoSink
			}
			if err := check(b.nodes); err != nil {
				return err
			}
		}
		for _, in := range s.inputs {
			if len(in.nodes) == 0 {
				return errNoSource
			}
			if err := check(in.nodes); err != nil {
				return err
			}
		}
	}
	return nil
}
