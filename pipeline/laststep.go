package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// lastStep is a function registered with AtEnd.
type lastStep struct {
	node  *node
	f     func(ctx context.Context, failed error) error
	taken bool
}

// take calls the function in a goroutine of its own, so that neither a panic nor a
// runtime.Goexit reaches the caller of Wait.
func (s *lastStep) take(ctx context.Context, failed error) (err error) {
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

// finish takes the last steps, once every node has returned: it publishes when
// failed is nil, and undoes otherwise. It returns the run's error.
func (r *Run) finish(failed error) error {
	var steps []*lastStep
	for _, n := range r.order {
		for _, s := range slices.Backward(n.lastSteps) {
			steps = append(steps, s)
		}
	}
	ctx, release := r.graceful()
	defer release()
	if failed == nil {
		for _, b := range r.detached {
			b.undo(ctx, steps)
		}
		failed = r.publish(ctx, steps)
	}
	if failed == nil {
		return nil
	}
	return undo(ctx, steps, failed, r.group)
}

// graceful returns the context of the last steps: the run's without its end, until Grace after that.
func (r *Run) graceful() (ctx context.Context, release func()) {
	if r.ctx.Done() == nil {
		return r.ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.ctx))
	grace := r.config.Grace
	if grace == 0 {
		grace = defaultGrace
	}
	var timer *time.Timer
	stop := afterFunc(r.ctx, func() {
		left := grace
		if at := r.interrupted.Load(); at > 0 {
			left -= time.Duration(r.stamp() - at)
		}
		timer = time.AfterFunc(left, func() { cancel(&graceError{context.Cause(r.ctx), grace}) })
	})
	return ctx, func() {
		stop()
		if timer != nil {
			timer.Stop()
		}
		cancel(nil)
	}
}

// graceError is the cause with which the context of last steps ends.
type graceError struct {
	cause error
	grace time.Duration
}

func (e *graceError) Error() string {
	return fmt.Sprintf("not done %v after the run was to end: %v", e.grace, e.cause)
}

func (e *graceError) Unwrap() error { return e.cause }

// publish takes the steps in order until one fails.
func (r *Run) publish(ctx context.Context, steps []*lastStep) error {
	var published []string
	for _, s := range steps {
		if s.taken {
			continue
		}
		err := s.take(ctx, nil)
		if err == nil {
			if name := s.node.spec.name; !slices.Contains(published, name) {
				published = append(published, name)
			}
			continue
		}
		failure, _ := err.(*Error) //nolint:errorlint // take wraps
		if b := s.node.group.detachable(); b != nil && !isPanic(err) {
			r.detach(b, failure)
			b.undo(ctx, steps)
			continue
		}
		if len(published) > 0 {
			err = fmt.Errorf("%w (published before it: %s)", failure.Err, strings.Join(published, ", "))
			failure = &Error{failure.Node, failure.Bytes, err}
		}
		return failure
	}
	return nil
}

// undo takes the open steps of g, last first, and returns cause with the
// errors of the steps.
func undo(ctx context.Context, steps []*lastStep, cause error, g *group) error {
	var failures []error
	for _, s := range slices.Backward(steps) {
		if s.taken || !s.node.group.within(g) {
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

// undo undoes a detached branch.
func (g *group) undo(ctx context.Context, steps []*lastStep) {
	cause := g.detached
	if err, ok := undo(ctx, steps, cause, g).(*undoError); ok { //nolint:errorlint // undo's own
		g.run.mu.Lock()
		defer g.run.mu.Unlock()
		g.detached = &Error{cause.Node, cause.Bytes, &undoError{cause.Err, err.undo}}
	}
}

// detach notes that g is detached, and why.
func (r *Run) detach(g *group, failure *Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g.detached = failure
	r.detached = append(r.detached, g)
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

// within reports whether g is b or is inside it.
func (g *group) within(b *group) bool {
	for ; g != nil; g = g.outer {
		if g == b {
			return true
		}
	}
	return false
}
