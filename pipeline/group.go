package pipeline

import (
	"context"
	"errors"
	"runtime/pprof"

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
	lost     *Error // why this branch was detached; guarded by run.mu
}

func newGroup(r *Run, outer *group, ctx context.Context) *group {
	g := &group{run: r, outer: outer}
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	return g
}

// build adds the nodes of a chain to g. The first one reads from prev over a new
// channel, or through in; the last one sends through out. Both may be nil.
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
			n.outs = []*Outlet{{node: n, channel: out.channel, outer: out}}
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
