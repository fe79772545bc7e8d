package pipeline

import (
	"context"
	"errors"
	"runtime/pprof"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

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
	detached *Error // why this branch was; guarded by run.mu
}

func newGroup(r *Run, outer *group, ctx context.Context) *group {
	g := &group{run: r, outer: outer}
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	return g
}

// build adds the nodes of a chain to g. The first one reads from prev over a new
// channel, or from in; the last one sends to out. Both may be nil.
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
			n.outs = []*Outlet{{port{node: n, ch: out.ch, outer: &out.port}}}
		}
		for _, b := range s.branches {
			g.build(owner, b.nodes, n, nil, nil)
		}
		prev = n
	}
}

func (g *group) add(owner *node, s *spec, pos int) *node {
	n := &node{spec: s, run: g.run, group: g, pending: 1}
	n.owner, n.outer = n, owner
	if owner != nil {
		n.owner = owner.owner
	}
	ctx, cancel := context.WithCancelCause(g.ctx)
	n.runCtx, n.cancel = pprof.WithLabels(ctx, pprof.Labels("node", s.name)), cancel
	n.ctx, n.cancelCtx = n.runCtx, cancel
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
			return g.branchEnded(b, b.wait())
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

// branchEnded detaches branch b if it has failed, and returns the failure of g, if that is one.
func (g *group) branchEnded(b *group, err error) error {
	if err == nil {
		return nil
	}
	var failure *Error
	blame, err := ending{err: err, before: context.Cause(g.ctx)}.verdict()
	switch {
	case blame != failed:
		return err
	case errors.As(err, &failure):
		g.run.detach(b, failure)
		return nil
	}
	return g.fail(err)
}

// nest runs specs inside n and waits for them: see Source.Run.
func (n *node) nest(ctx context.Context, specs []*spec, in *Inlet, out *Outlet) error {
	if err := check(specs); err != nil {
		return err
	}
	if err := n.ended(ctx); err != nil && (n.runCtx.Err() != nil || !errors.Is(err, ErrStopped)) {
		return err
	}
	releaseFiles, err := n.nestFiles(specs)
	if err != nil {
		return n.misuse(err)
	}
	defer releaseFiles()
	if in != nil && specs[0].policy.lossy {
		// A lossy sink needs a channel of its own in front.
		pass := spec{name: "pass", run: func(ctx context.Context, in *Inlet, outs []*Outlet) error {
			return Stage{}.Run(ctx, in, outs[0])
		}}
		specs = append([]*spec{&pass}, specs...)
	}
	g := newGroup(n.run, n.group, n.runCtx)
	n.run.mu.Lock()
	g.build(n, specs, nil, in, out)
	n.run.mu.Unlock()

	first := g.first()
	first.ctx, first.cancelCtx = context.WithCancelCause(first.runCtx)
	var aborted atomic.Bool
	if ctx.Err() != nil { // stopped before it started: the stages still run, and may emit
		first.cancelCtx(ErrStopped)
	}
	release := afterFunc(ctx, func() {
		if cause := context.Cause(ctx); errors.Is(cause, ErrStopped) {
			first.cancelCtx(ErrStopped)
		} else {
			aborted.Store(true)
			g.cancel(cause)
		}
	})
	g.start()
	err = g.wait()
	release()
	first.cancelCtx(ErrClosed)
	n.run.retire(g)

	if err == nil {
		if in != nil {
			in.innerEnded()
		}
		return context.Cause(n.runCtx)
	}
	e := ending{err: err, before: context.Cause(n.runCtx)}
	if aborted.Load() {
		e.before = err
	}
	if blame, _ := e.verdict(); blame == failed {
		return n.misuse(err)
	}
	// Stopped or abandoned: the caller may go on, and the run succeed. What
	// should have received a whole stream here has not.
	if aborted.Load() || out == nil {
		n.run.detach(g, &Error{n.spec.name, n.seen(), err})
	}
	return err
}

// first returns the node that the chain of g begins with.
func (g *group) first() *node {
	for len(g.nodes) == 0 { // the whole chain is one branch
		g = g.branches[0]
	}
	return g.nodes[0]
}

// afterFunc is context.AfterFunc with a release that waits for f if it has started.
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
