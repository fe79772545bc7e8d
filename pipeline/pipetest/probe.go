package pipetest

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"

	"github.com/weirflow/weir/pipeline"
)

// port is what both ports of a node have.
type port interface {
	AtEnd(f func(ctx context.Context, failed error) error)
}

// probe is the node that a SourceProbe or SinkProbe drives: P is its port.
type probe[P port] struct {
	used  atomic.Bool
	tasks chan task[P]
	done  chan struct{} // the run function has returned

	mu        sync.Mutex
	published bool
	failed    error
}

// task is a call for the node to make. If result is nil, the node returns the error of f.
type task[P any] struct {
	f      func(ctx context.Context, port P) error
	result chan error
}

func newProbe[P port]() *probe[P] {
	return &probe[P]{tasks: make(chan task[P]), done: make(chan struct{})}
}

func (p *probe[P]) run(ctx context.Context, port P) error {
	if p.used.Swap(true) {
		return pipeline.ErrSingleUse
	}
	defer close(p.done)
	port.AtEnd(func(_ context.Context, failed error) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.published, p.failed = failed == nil, failed
		return nil
	})
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case t := <-p.tasks:
			err := t.f(ctx, port)
			if t.result == nil {
				return err
			}
			t.result <- err
		}
	}
}

// do calls f in the node's own goroutine and returns its error.
func (p *probe[P]) do(f func(ctx context.Context, port P) error) error {
	t := task[P]{f, make(chan error, 1)}
	select {
	case p.tasks <- t:
	case <-p.done:
		return pipeline.ErrClosed
	}
	select {
	case err := <-t.result:
		return err
	case <-p.done:
	}
	select {
	case err := <-t.result: // it was the last task
		return err
	default:
		return pipeline.ErrClosed
	}
}

// Return makes the node return err: nil for an end, pipeline.Enough to stop upstream, an error for a failure. It
// waits until the node has returned, and does nothing if it already had.
func (p *probe[P]) Return(err error) {
	select {
	case p.tasks <- task[P]{f: func(context.Context, P) error { return err }}:
		<-p.done
	case <-p.done:
	}
}

// Done returns a channel that is closed when the node has returned.
func (p *probe[P]) Done() <-chan struct{} { return p.done }

// Outcome returns whether the node's last step was called to publish, or else the error with
// which it was called to undo. Before the end of the run it returns false and nil.
func (p *probe[P]) Outcome() (published bool, failed error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.published, p.failed
}

// SourceProbe is a source that a test drives step by step. Its methods may be
// called from any goroutine; each waits until the flow runs and the step is done, so a
// step that blocks needs a goroutine of its own. In a bubble of testing/synctest
// both the probe and the run must be made there. A probe is for one run. When
// the run ends, the node returns with the cause.
type SourceProbe struct{ *probe[*pipeline.Outlet] }

// NewSourceProbe returns a SourceProbe.
func NewSourceProbe() *SourceProbe { return &SourceProbe{newProbe[*pipeline.Outlet]()} }

// Source returns the source, called "probe". It can be run once.
func (p *SourceProbe) Source() pipeline.Source { return pipeline.NewSource("probe", p.run) }

// Do calls f in the node's own goroutine and returns its error. If the node has
// returned, or does because f panics, Do returns pipeline.ErrClosed.
func (p *SourceProbe) Do(f func(ctx context.Context, out *pipeline.Outlet) error) error {
	return p.do(f)
}

// Send sends a copy of b as one chunk and returns the result of Outlet.Send, or
// pipeline.ErrClosed when the node has returned.
func (p *SourceProbe) Send(b []byte) error {
	return p.do(func(ctx context.Context, out *pipeline.Outlet) error { return out.Send(ctx, chunk(b)) })
}

// SinkProbe is a sink that a test drives step by step, as [SourceProbe] is a source.
type SinkProbe struct{ *probe[*pipeline.Inlet] }

// NewSinkProbe returns a SinkProbe.
func NewSinkProbe() *SinkProbe { return &SinkProbe{newProbe[*pipeline.Inlet]()} }

// Sink returns the sink, called "probe". It can be run once.
func (p *SinkProbe) Sink() pipeline.Sink { return pipeline.NewSink("probe", p.run) }

// Do calls f in the node's own goroutine and returns its error. If the node has
// returned, or does because f panics, Do returns pipeline.ErrClosed.
func (p *SinkProbe) Do(f func(ctx context.Context, in *pipeline.Inlet) error) error { return p.do(f) }

// Next receives the next chunk and returns a copy of its bytes, or the error of Inlet.Next,
// or pipeline.ErrClosed when the node has returned.
func (p *SinkProbe) Next() (b []byte, err error) {
	err = p.do(func(ctx context.Context, in *pipeline.Inlet) error {
		c, err := in.Next(ctx)
		if err == nil {
			b = bytes.Clone(c.Bytes())
			c.Release()
		}
		return err
	})
	return b, err
}
