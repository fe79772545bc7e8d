package pipetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/weirflow/weir/pipeline"
)

// Case is an input of a stage and what must come of it.
type Case struct {
	Name string
	In   []byte

	// Out is what the stage makes of In. Nil means: the same for every way of cutting
	// In, whatever it is; []byte{} means nothing at all. If Err is set, Out is the most that
	// may leave the stage before it fails.
	Out []byte

	// Check looks at the output, where Out cannot say it.
	Check func(out []byte) error

	// Err is the error with which the stage must fail, in the sense of errors.Is.
	Err error
}

// StageOptions says what cannot be asked of a stage. The zero value asks everything.
type StageOptions struct {
	// DependsOnCuts: the output depends on how the input is cut. Then Out and Check hold for an input that
	// comes as one chunk.
	DependsOnCuts bool

	// EndsEarly: the stage may return pipeline.Enough before its input ends. Then a failure of what
	// it no longer reads need not fail the run.
	EndsEarly bool

	// SingleUse: a second run of the same description must fail with pipeline.ErrSingleUse.
	SingleUse bool

	// Idle is called after every run, again and again while goroutines are left: to
	// close idle connections, for instance.
	Idle func()

	// Patience is how long one run may take before it counts as stuck; 0 means 20 s.
	Patience time.Duration
}

// TestStage tests that a stage keeps the promises of package pipeline: see
// [TestStageWith].
func TestStage(t testing.TB, stage func() pipeline.Stage, cases ...Case) {
	t.Helper()
	TestStageWith(t, stage, StageOptions{}, cases...)
}

// TestStageWith tests that a stage keeps the promises of package pipeline. For each
// case (without any, for a few inputs of its own) it
//
//   - runs the input whole, halved, byte by byte, cut at random, read through the
//     readers of testing/iotest, with a promised size, over channels that hold one chunk,
//     inside another node, and many times at once: always the same must come out;
//   - cancels the run at every chunk, on either side of the stage: Run returns the cause;
//   - returns pipeline.Enough downstream at every chunk: the run succeeds;
//   - fails, panics and calls runtime.Goexit upstream and downstream at every chunk: Run
//     returns that as the first cause, and nothing is published;
//   - sees, in all of this, that every chunk is released once, that nobody writes to
//     shared bytes or to bytes already sent, and that no goroutine is left.
//
// stage returns the stage under test. It is called once, and with SingleUse for
// every run. NoLeaks' condition holds here too: no tests in parallel.
func TestStageWith(t testing.TB, stage func() pipeline.Stage, o StageOptions, cases ...Case) {
	t.Helper()
	if len(cases) == 0 {
		cases = []Case{
			{Name: "empty"},
			{Name: "one byte", In: []byte("x")},
			{Name: "a chunk more or less", In: sample(4097)},
			{Name: "several chunks", In: sample(70_000)},
		}
	}
	s := &stageTest{checker: newChecker(o.Patience, o.Idle), o: o, stage: stage}
	if !o.SingleUse {
		one := stage()
		s.stage = func() pipeline.Stage { return one }
	}
	for i, test := range cases {
		if test.Name == "" {
			test.Name = fmt.Sprintf("case %d", i)
		}
		s.sub(t, test.Name, func(t testing.TB) { s.test(t, test) })
	}
}

type stageTest struct {
	*checker
	o     StageOptions
	stage func() pipeline.Stage
}

func (s *stageTest) test(t testing.TB, test Case) {
	t.Helper()
	if test.Err != nil {
		s.sub(t, "fails", func(t testing.TB) { s.fails(t, test) })
		return
	}
	var ref Collector
	_, err := s.run(t.Context(), t, "whole", Source(test.In).Via(s.stage()).To(ref.Sink()))
	out, _ := ref.Published()
	switch {
	case err != nil:
		t.Errorf("whole: %v", err)
		return
	case test.Out != nil:
		if err := compare(out, test.Out); err != nil {
			t.Errorf("whole: %v", err)
			return
		}
	}
	if test.Check != nil {
		if err := test.Check(out); err != nil {
			t.Errorf("whole: %v", err)
			return
		}
	}
	if !s.o.DependsOnCuts && !s.sub(t, "cuts", func(t testing.TB) { s.cuts(t, test.In, out) }) {
		return
	}
	if !s.sub(t, "runs", func(t testing.TB) { s.runs(t, test.In, out) }) {
		return
	}

	// From here on the input comes in a few chunks. What comes out of those:
	parts := pieces(test.In, steps)
	c := &Collector{}
	if _, err := s.run(t.Context(), t, "in pieces", Source(test.In, evenly(len(test.In), steps)...).Via(s.stage()).To(c.Sink())); err != nil {
		t.Errorf("in pieces: %v", err)
		return
	}
	outcome := c.Outcomes()[0]
	f := &stageFaults{s, parts, outcome.Data, min(outcome.Chunks, steps)}
	s.sub(t, "cancel", f.cancel)
	s.sub(t, "stop", f.stop)
	s.sub(t, "fail", f.fail)
}

// fails runs an input that the stage must reject.
func (s *stageTest) fails(t testing.TB, test Case) {
	t.Helper()
	for _, f := range feeds(test.In) {
		if s.o.DependsOnCuts && f.name != "whole" {
			continue
		}
		c := &Collector{}
		report, err := s.run(t.Context(), t, f.name, cramped(1, f.source().Via(s.stage()).To(c.Sink())))
		if !errors.Is(err, test.Err) {
			t.Errorf("%s: the run ended with %v, want %v", f.name, err, test.Err)
		}
		wantUndone(t, f.name, c)
		if test.Out != nil {
			wantPrefix(t, f.name, c, test.Out)
			wantSent(t, f.name, report, "collector", len(test.Out))
		}
	}
}

// cuts runs in, cut in many ways, and wants the same output each time.
func (s *stageTest) cuts(t testing.TB, in, want []byte) {
	t.Helper()
	for i, f := range feeds(in) {
		c := &Collector{hold: i%2 == 0}
		_, err := s.run(t.Context(), t, f.name, f.source().Via(s.stage()).To(c.Sink()))
		wantOutput(t, f.name, err, c, want)
		if f.intact != nil {
			if err := f.intact(); err != nil {
				t.Errorf("%s: %v", f.name, err)
			}
		}
	}
}

// runs runs in, whole, in other surroundings.
func (s *stageTest) runs(t testing.TB, in, want []byte) {
	t.Helper()
	for _, set := range tight {
		c := &Collector{hold: true}
		p := Source(in).Via(s.stage()).To(c.Sink())
		p.ChunkSize, p.Buffer = set.chunkSize, set.buffer
		if set.chunkSize > 0 && len(in)/set.chunkSize > 2000 {
			continue
		}
		_, err := s.run(t.Context(), t, set.name, p)
		wantOutput(t, set.name, err, c, want)
	}

	c := &Collector{}
	_, err := s.run(t.Context(), t, "inside another node", Source(in).Via(nested(s.stage())).To(c.Sink()))
	wantOutput(t, "inside another node", err, c, want)

	one, other := &Collector{}, &Collector{hold: true}
	_, err = s.run(t.Context(), t, "in a branch of a tee", Source(in).To(pipeline.Tee(s.stage().To(one.Sink()), other.Sink())))
	wantOutput(t, "in a branch of a tee", err, one, want)
	wantOutput(t, "beside it in the tee", err, other, in)

	if s.o.SingleUse {
		stage := s.stage()
		c := &Collector{}
		_, err := s.run(t.Context(), t, "first run", Source(in).Via(stage).To(c.Sink()))
		wantOutput(t, "first run", err, c, want)
		wantSingleUse(t, s.checker, Source(in).Via(stage).To((&Collector{}).Sink()))
		return
	}
	s.together(t, Source(in).Via(s.stage()), want)
}

// stageFaults is a stage that works on a few chunks, with something happening at each.
type stageFaults struct {
	*stageTest
	in     [][]byte
	out    []byte
	chunks int // of the output
}

func (f *stageFaults) cancel(t testing.TB) {
	t.Helper()
	wantNoStart(t, f.checker, Source(slices.Concat(f.in...)).Via(f.stage()).To((&Collector{}).Sink()))
	for k := range len(f.in) + 1 {
		c := &Collector{}
		wantCancelled(t, f.checker, fmt.Sprintf("cancelled after %d chunks were sent", k), func(cancel context.CancelCauseFunc) *pipeline.Pipeline {
			return cramped(k, upstream(f.in[:k], cancelling(cancel)).Via(f.stage()).To(c.Sink()))
		})
		wantUndone(t, fmt.Sprintf("cancelled after %d chunks were sent", k), c)
		wantPrefix(t, fmt.Sprintf("cancelled after %d chunks were sent", k), c, f.out)
	}
	for k := range f.chunks + 1 {
		var c *Collector
		what := fmt.Sprintf("cancelled after %d chunks were received", k)
		wantCancelled(t, f.checker, what, func(cancel context.CancelCauseFunc) *pipeline.Pipeline {
			c = at(k, func(context.Context) error { cancel(errCancelled); return nil })
			return cramped(k, upstream(f.in, succeeding).Via(f.stage()).To(c.Sink()))
		})
		wantUndone(t, what, c)
		wantPrefix(t, what, c, f.out)
	}
}

func (f *stageFaults) stop(t testing.TB) {
	t.Helper()
	for k := range f.chunks + 1 {
		what := fmt.Sprintf("downstream has enough after %d chunks", k)
		c := at(k, func(context.Context) error { return pipeline.Enough })
		_, err := f.run(t.Context(), t, what, cramped(k, upstream(f.in, succeeding).Via(f.stage()).To(c.Sink())))
		if err != nil {
			t.Errorf("%s: %v, want success", what, err)
		}
		wantPrefix(t, what, c, f.out)
	}
}

func (f *stageFaults) fail(t testing.TB) {
	t.Helper()
	for _, how := range failures {
		for k := range len(f.in) + 1 {
			what := fmt.Sprintf("upstream %s after %d chunks", how.name, k)
			c := &Collector{}
			_, err := f.run(t.Context(), t, what, cramped(k, upstream(f.in[:k], func(ctx context.Context, _ *pipeline.Outlet) error {
				return how.do(ctx, errUpstream)
			}).Via(f.stage()).To(c.Sink())))
			if err == nil && f.o.EndsEarly {
				wantOutput(t, what, err, c, f.out)
				continue
			}
			how.want(t, what, err, "upstream", errUpstream)
			wantUndone(t, what, c)
			wantPrefix(t, what, c, f.out)
		}
		for k := range f.chunks + 1 {
			what := fmt.Sprintf("downstream %s after %d chunks", how.name, k)
			c := at(k, func(ctx context.Context) error { return how.do(ctx, errDownstream) })
			_, err := f.run(t.Context(), t, what, cramped(k, upstream(f.in, succeeding).Via(f.stage()).To(named(c))))
			how.want(t, what, err, "downstream", errDownstream)
			wantUndone(t, what, c)
		}
	}
}
