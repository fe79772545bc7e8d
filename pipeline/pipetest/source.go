package pipetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/weirflow/weir/pipeline"
)

// SourceOptions says what a source is like. The zero value is a source that emits
// what is wanted and ends, and can be run any number of times.
type SourceOptions struct {
	// Err is the error with which the source must fail, in the sense of errors.Is, once
	// it has emitted no more than what is wanted.
	Err error

	// Endless: what is wanted is only the beginning; the source goes on, until it is stopped.
	Endless bool

	// SingleUse: a second run of the same description must fail with pipeline.ErrSingleUse.
	SingleUse bool

	// Blocked returns a source that waits for data that never comes. It must end
	// when the run is cancelled, when it is stopped and when something else fails.
	Blocked func() pipeline.Source

	// Idle is called after every run, again and again while goroutines are left: to
	// close idle connections, for instance.
	Idle func()

	// Patience is how long one run may take before it counts as stuck; 0 means 20 s.
	Patience time.Duration
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
//   - runs the source into sinks that let go of chunks at once or only at the end, over
//     channels that hold one chunk, with small chunks, inside another node, behind
//     Concat, and many times at once: always want must come;
//   - cancels the run at every chunk: Run returns the cause;
//   - returns pipeline.Enough downstream at every chunk: the run succeeds;
//   - fails, panics and calls runtime.Goexit downstream at every chunk: Run returns that
//     as the first cause;
//   - sees, in all of this, that every chunk is released once, that the source writes
//     to no bytes that it has sent, and that no goroutine is left.
//
// "Every chunk" is every one of the first few. source returns the source under test.
// It is called once, and with SingleUse for every run. It is not for tests that run
// in parallel with others.
func TestSourceWith(t testing.TB, source func() pipeline.Source, o SourceOptions, want []byte) {
	t.Helper()
	s := &sourceTest{newChecker(o.Patience, o.Idle), o, source, want}
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
	check := func(what string, chunkSize, buffer int, hold bool, wrap func(pipeline.Source) pipeline.Source, want []byte) {
		t.Helper()
		c := &Collector{hold: hold}
		p := wrap(s.cut()).To(c.Sink())
		p.ChunkSize, p.Buffer = chunkSize, buffer
		_, err := s.run(t.Context(), t, what, p)
		wantOutput(t, what, err, c, want)
	}
	itself := func(s pipeline.Source) pipeline.Source { return s }
	check("into a sink that lets go at once", 0, 0, false, itself, s.want)
	check("into a sink that lets go at the end", 0, 0, true, itself, s.want)
	for _, set := range tight {
		if set.chunkSize > 0 && len(s.want)/set.chunkSize > 2000 {
			continue
		}
		check(set.name, set.chunkSize, set.buffer, true, itself, s.want)
	}
	check("inside another node", 0, 0, true, func(src pipeline.Source) pipeline.Source {
		return pipeline.NewSource("around", func(ctx context.Context, out *pipeline.Outlet) error { return src.Run(ctx, out) })
	}, s.want)
	check("before another source", 0, 0, true, func(src pipeline.Source) pipeline.Source {
		return pipeline.Concat(src, Source([]byte("behind")))
	}, append(s.want[:len(s.want):len(s.want)], "behind"...))

	if s.o.SingleUse {
		source := s.source()
		c := &Collector{}
		if s.o.Endless {
			source = source.Via(head(len(s.want)))
		}
		_, err := s.run(t.Context(), t, "first run", source.To(c.Sink()))
		wantOutput(t, "first run", err, c, s.want)
		wantSingleUse(t, s.checker, source.To((&Collector{}).Sink()))
		return
	}
	s.together(t, s.cut(), s.want)
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
		wantUndone(t, what, c)
		wantPrefix(t, what, c, s.want)
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
	for k := range chunks + 1 {
		what := fmt.Sprintf("cancelled after %d chunks", k)
		var c *Collector
		wantCancelled(t, s.checker, what, func(cancel context.CancelCauseFunc) *pipeline.Pipeline {
			c = at(k, func(context.Context) error { cancel(errCancelled); return nil })
			return s.smallChunks(s.source().To(c.Sink()))
		})
		wantUndone(t, what, c)

		what = fmt.Sprintf("downstream has enough after %d chunks", k)
		c = at(k, func(context.Context) error { return pipeline.Enough })
		if _, err := s.run(t.Context(), t, what, s.smallChunks(s.source().To(c.Sink()))); err != nil {
			t.Errorf("%s: %v, want success", what, err)
		}
		if !s.o.Endless {
			wantPrefix(t, what, c, s.want)
		}

		for _, how := range failures {
			what := fmt.Sprintf("downstream %s after %d chunks", how.name, k)
			c := at(k, func(ctx context.Context) error { return how.do(ctx, errDownstream) })
			_, err := s.run(t.Context(), t, what, s.smallChunks(s.source().To(named(c))))
			how.want(t, what, err, "downstream", errDownstream)
			wantUndone(t, what, c)
		}
	}
}

// smallChunks makes the adapters cut what is wanted into a few chunks.
func (s *sourceTest) smallChunks(p *pipeline.Pipeline) *pipeline.Pipeline {
	p.ChunkSize = max(1, len(s.want)/steps)
	p.Buffer = 1
	return p
}

// blocked ends a source that waits, in every way there is.
func (s *sourceTest) blocked(t testing.TB) {
	t.Helper()
	wantCancelled(t, s.checker, "blocked, cancelled", func(cancel context.CancelCauseFunc) *pipeline.Pipeline {
		c := at(0, func(context.Context) error { cancel(errCancelled); return nil })
		return s.o.Blocked().To(c.Sink())
	})
	c := at(0, func(context.Context) error { return pipeline.Enough })
	if _, err := s.run(t.Context(), t, "blocked, stopped", s.o.Blocked().To(c.Sink())); err != nil {
		t.Errorf("blocked, stopped: %v, want success", err)
	}
	c = at(0, func(context.Context) error { return errDownstream })
	_, err := s.run(t.Context(), t, "blocked, failed downstream", s.o.Blocked().To(named(c)))
	wantNode(t, "blocked, failed downstream", err, "downstream", errDownstream)
}
