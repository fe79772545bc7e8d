package pipetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// SourceOptions says what a source is like. The zero value is a source that emits
// what is wanted and ends, and can be run any number of times.
type SourceOptions struct {
	// Err is the error with which the source must fail, in the sense of errors.Is, once
	// it has emitted no more than what is wanted.
	Err error

	// Endless: what is wanted is only the beginning; the source emits more until it is stopped.
	Endless bool

	// SingleUse: a second run of the same description must fail with pipeline.ErrSingleUse.
	SingleUse bool

	// Blocked returns a source that waits for data that never comes. It must end
	// when the run is cancelled, when it is stopped and when another node fails, each of which happens
	// when every goroutine of the process waits.
	Blocked func() pipeline.Source

	// Idle is called after every run, and again while goroutines of the run are left, to
	// close idle connections for instance.
	Idle func()
}

// TestSource tests that a source emits want and keeps the promises of package
// pipeline: see [TestSourceWith].
func TestSource(t testing.TB, source func() pipeline.Source, want []byte) {
	t.Helper()
	TestSourceWith(t, source, SourceOptions{}, want)
}

// TestSourceWith tests that a source emits want and keeps the promises of package
// pipeline. It
//
//   - runs the source into sinks that release chunks at once or only at the end, over
//     channels that hold one chunk, with small chunks, inside another node, behind
//     Concat, and many times at once: the output is always want;
//   - cancels the run at every chunk: Run returns the cause;
//   - returns pipeline.Enough downstream at every chunk: the run succeeds;
//   - fails, panics and calls runtime.Goexit downstream at every chunk: Run returns that
//     as the first cause;
//   - checks in every run that each chunk is released once, that the source writes
//     to no bytes that it has sent, and that no goroutine is left.
//
// "Every chunk" is every one of the first few. source returns the source under test.
// It is called once, and with SingleUse for every run. It is not for tests that run
// in parallel with others.
func TestSourceWith(t testing.TB, source func() pipeline.Source, o SourceOptions, want []byte) {
	t.Helper()
	s := &sourceTest{&checker{idle: o.Idle}, o, source, want}
	if !o.SingleUse {
		one := source()
		s.source = func() pipeline.Source { return one }
	}
	if o.Err != nil {
		s.sub(t, "fails", s.fails)
	} else if s.sub(t, "runs", s.runs) {
		s.sub(t, "faults", s.faults)
	}
	if o.Blocked != nil {
		s.sub(t, "blocked", s.blocked)
	}
}

type sourceTest struct {
	*checker
	o      SourceOptions
	source func() pipeline.Source
	want   []byte
}

// cut returns the source, ended after what is wanted if it does not end by itself.
func (s *sourceTest) cut() pipeline.Source {
	if !s.o.Endless {
		return s.source()
	}
	return s.source().Via(head(len(s.want)))
}

// head passes on the first n bytes and stops upstream.
func head(n int) pipeline.Stage {
	return pipeline.NewStage("head", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for rest := n; rest > 0; {
			c, err := in.Next(ctx)
			if err != nil {
				return err
			}
			if c.Len() > rest {
				c = c.Slice(0, rest)
			}
			rest -= c.Len()
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return pipeline.Enough
	})
}

func (s *sourceTest) runs(t testing.TB) {
	t.Helper()
	s.delivers(t, "into a sink that releases chunks at once", s.cut(), false, setting{}, s.want)
	s.delivers(t, "into a sink that releases chunks at the end", s.cut(), true, setting{}, s.want)
	for _, set := range tight(len(s.want)) {
		s.delivers(t, set.name, s.cut(), true, set, s.want)
	}
	s.delivers(t, "inside another node", pipeline.NewSource("around", s.cut().Run), true, setting{}, s.want)
	s.delivers(t, "before another source", pipeline.Concat(s.cut(), Source([]byte("behind"))), true, setting{}, slices.Concat(s.want, []byte("behind")))
	s.reruns(t, s.cut(), s.o.SingleUse, s.want)
}

// fails runs a source that must fail.
func (s *sourceTest) fails(t testing.TB) {
	t.Helper()
	for _, hold := range []bool{false, true} {
		what := fmt.Sprintf("into a sink (hold=%v)", hold)
		c := &Collector{hold: hold}
		report, err := s.run(t.Context(), t, what, cramped(1, s.source().To(c.Sink())))
		if !errors.Is(err, s.o.Err) {
			t.Errorf("%s: the run ended with %v, want %v", what, err, s.o.Err)
		}
		wantAborted(t, what, c, s.want)
		wantSent(t, what, report, "collector", len(s.want))
	}
}

func (s *sourceTest) faults(t testing.TB) {
	t.Helper()
	c := &Collector{}
	if _, err := s.run(t.Context(), t, "counting chunks", s.smallChunks(s.cut().To(c.Sink()))); err != nil {
		t.Errorf("counting chunks: %v", err)
		return
	}
	chunks := min(c.Outcomes()[0].Chunks, steps)

	wantNoStart(t, s.checker, s.cut().To((&Collector{}).Sink()))
	want := slices.Concat([]byte{}, s.want) // never nil
	if s.o.Endless {
		want = nil
	}
	s.downstream(t, chunks, want, func(_ int, sink pipeline.Sink) *pipeline.Pipeline { return s.smallChunks(s.source().To(sink)) })
}

// smallChunks makes the adapters cut what is wanted into a few chunks.
func (s *sourceTest) smallChunks(p *pipeline.Pipeline) *pipeline.Pipeline {
	p.ChunkSize = max(1, len(s.want)/steps)
	p.Buffer = 1
	return p
}

// blocked ends a source that waits for data, in every way.
func (s *sourceTest) blocked(t testing.TB) {
	t.Helper()
	wantCancelled(t, s.checker, "blocked, cancelled", func(cancel context.CancelCauseFunc) *pipeline.Pipeline {
		c := at(0, func(context.Context) error {
			s.untilBlocked(t, "blocked, cancelled")
			cancel(errCancelled)
			return nil
		})
		return s.o.Blocked().To(c.Sink())
	})
	c := at(0, func(context.Context) error {
		s.untilBlocked(t, "blocked, stopped")
		return pipeline.Enough
	})
	if _, err := s.run(t.Context(), t, "blocked, stopped", s.o.Blocked().To(c.Sink())); err != nil {
		t.Errorf("blocked, stopped: %v, want success", err)
	}
	c = at(0, func(context.Context) error {
		s.untilBlocked(t, "blocked, failed downstream")
		return errDownstream
	})
	_, err := s.run(t.Context(), t, "blocked, failed downstream", s.o.Blocked().To(named(c)))
	wantNode(t, "blocked, failed downstream", err, "downstream", errDownstream)
}
