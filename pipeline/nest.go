package pipeline

import (
	"context"
	"errors"
	"sync/atomic"
)

// nest runs specs inside n and waits for them: see Source.Run.
func (n *node) nest(ctx context.Context, specs []*spec, in *Inlet, out *Outlet) error {
	if err := check(specs); err != nil {
		return err
	}
	if err := n.ended(ctx); err != nil && (n.hard.Err() != nil || !errors.Is(err, ErrStopped)) {
		return err
	}
	if in != nil && specs[0].policy.lossy {
		// A lossy sink needs a channel of its own in front.
		pass := spec{name: "pass", run: func(ctx context.Context, in *Inlet, outs []*Outlet) error {
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
		if in != nil {
			in.inner.Store(in.consumed() + 1)
		}
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
