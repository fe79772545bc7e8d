package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// step is a last step: a function registered with AtEnd.
type step struct {
	node  *node
	f     func(ctx context.Context, failed error) error
	taken bool
}

// take calls the step in a goroutine of its own, so that neither a panic nor a
// runtime.Goexit reaches the caller of Run.
func (s *step) take(ctx context.Context, failed error) (err error) {
	s.taken = true
	var g errgroup.Group
	g.Go(func() error {
		err, _ = guard(s.node.spec.name, func() error { return s.f(ctx, failed) }, func() { err = errGoexit })
		return nil
	})
	_ = g.Wait() // err has the answer
	if err != nil {
		err = s.node.wrap(err)
	}
	return err
}

// conclude takes the last steps, once every node has returned: it publishes when
// failed is nil, and undoes otherwise. It returns the run's error.
func (g *group) conclude(ctx context.Context, failed error) error {
	steps := g.steps()
	var published []string
	if failed == nil {
		for _, b := range g.run.lost {
			b.undoLost(ctx, steps)
		}
		failed = g.publish(ctx, steps, &published)
	}
	if failed == nil {
		return nil
	}
	return undo(ctx, steps, failed, func(*step) bool { return true })
}

// publish takes the steps in order until one fails.
func (g *group) publish(ctx context.Context, steps []*step, published *[]string) error {
	for _, s := range steps {
		if s.taken {
			continue
		}
		name := s.node.spec.name
		err := s.take(ctx, nil)
		if err == nil {
			if !slices.Contains(*published, name) {
				*published = append(*published, name)
			}
			continue
		}
		failure, _ := err.(*Error) //nolint:errorlint // take wraps
		if b := s.node.group.detachable(); b != nil && !isPanic(err) {
			g.run.lose(b, failure)
			b.undoLost(ctx, steps)
			continue
		}
		if len(*published) > 0 {
			failure = &Error{failure.Node, failure.Bytes, fmt.Errorf("%w (published before it: %s)", failure.Err, strings.Join(*published, ", "))}
		}
		return failure
	}
	return nil
}

// undo takes the open steps that match, last first, and returns cause with what
// went wrong on the way.
func undo(ctx context.Context, steps []*step, cause error, match func(*step) bool) error {
	var failures []error
	for _, s := range slices.Backward(steps) {
		if s.taken || !match(s) {
			continue
		}
		if err := s.take(ctx, cause); err != nil {
			failures = append(failures, err)
		}
	}
	if len(failures) > 0 {
		return &undoError{cause, failures}
	}
	return cause
}

// undoLost undoes a detached branch.
func (g *group) undoLost(ctx context.Context, steps []*step) {
	cause := g.lost
	err := undo(ctx, steps, cause, func(s *step) bool { return s.node.group.within(g) })
	if err != error(cause) {
		g.run.mu.Lock()
		defer g.run.mu.Unlock()
		g.lost = &Error{cause.Node, cause.Bytes, err.(*undoError).under(cause.Err)} //nolint:errorlint // undo's own
	}
}

// under returns e with a cause whose name stands elsewhere.
func (e *undoError) under(cause error) error { return &undoError{cause, e.undo} }

// steps returns the last steps of g and its branches in the order of publishing.
func (g *group) steps() []*step {
	var steps []*step
	for _, n := range g.run.order {
		for _, s := range slices.Backward(n.steps) {
			steps = append(steps, s)
		}
	}
	return steps
}

// lose notes that branch b is detached.
func (r *Run) lose(b *group, failure *Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b.lost = failure
	r.lost = append(r.lost, b)
}

// detachable returns the branch that g is in, which may fail without the rest, or nil.
func (g *group) detachable() *group {
	for ; g != nil; g = g.outer {
		if g.branch {
			return g
		}
	}
	return nil
}

// within reports whether g is b or lies in it.
func (g *group) within(b *group) bool {
	for ; g != nil; g = g.outer {
		if g == b {
			return true
		}
	}
	return false
}
