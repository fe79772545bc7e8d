package pipetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// Case is an input of a stage and what the stage must make of it.
type Case struct {
	Name string
	In   []byte

	// Out is the output for In. Nil means any, but the same for every way of cutting In;
	// []byte{} means none. If Err is set, Out is the most that may leave the stage before
	// it fails.
	Out []byte

	// Check returns an error if the output is wrong. It may be nil.
	Check func(out []byte) error

	// Err is the error with which the stage must fail, in the sense of errors.Is.
	Err error
}

// StageOptions says which promises a stage does not make. The zero value tests all of them.
type StageOptions struct {
	// DependsOnCuts: the output depends on how the input is cut. Out and Check then hold for
	// an input that comes as one chunk.
	DependsOnCuts bool

	// EndsEarly: the stage may return pipeline.Enough before its input ends. A failure of what
	// it no longer reads then need not fail the run.
	EndsEarly bool

	// SingleUse: a second run of the same description must fail with pipeline.ErrSingleUse.
	SingleUse bool

	// Idle is called after every run, and again while goroutines of the run are left, to
	// close idle connections for instance.
	Idle func()
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
//     inside another node, and many times at once: the output is always the same;
//   - cancels the run at every chunk, on either side of the stage: Run returns the cause;
//   - returns pipeline.Enough downstream at every chunk: the run succeeds;
//   - fails, panics and calls runtime.Goexit upstream and downstream at every chunk: Run
//     returns that as the first cause, and nothing is published;
//   - runs texts with a line of 100 KiB and one of 2 MiB, unless EndsEarly: the stage fails, or what follows the line is
//     in the output as it is without one; a bufio.Scanner whose error is forgotten is found by that;
//   - checks in every run that each chunk is released once, that nothing writes to
//     shared bytes or to bytes already sent, and that no goroutine is left.
//
// stage returns the stage under test. It is called once, and with SingleUse for
// every run. It is not for tests that run in parallel with others.
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
	s := &stageTest{checker: &checker{idle: o.Idle}, o: o, stage: stage}
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
	if !o.EndsEarly {
		s.sub(t, "long lines", s.longLines)
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

	// From here on the input comes in a few chunks, with this output:
	parts := pieces(test.In, steps)
	c := &Collector{}
	if _, err := s.run(t.Context(), t, "in pieces", Source(test.In, evenly(len(test.In), steps)...).Via(s.stage()).To(c.Sink())); err != nil {
		t.Errorf("in pieces: %v", err)
		return
	}
	outcome := c.Outcomes()[0]
	f := &stageFaults{s, parts, outcome.Data}
	s.sub(t, "upstream", f.upstream)
	s.sub(t, "downstream", func(t testing.TB) {
		s.downstream(t, min(outcome.Chunks, steps), slices.Concat([]byte{}, f.out), func(k int, sink pipeline.Sink) *pipeline.Pipeline {
			return cramped(k, upstream(f.in, succeeding).Via(s.stage()).To(sink))
		})
	})
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

// cuts runs in, cut in many ways. The output must always be the same.
func (s *stageTest) cuts(t testing.TB, in, want []byte) {
	t.Helper()
	for i, f := range feeds(in) {
		s.delivers(t, f.name, f.source().Via(s.stage()), i%2 == 0, setting{}, want)
		if f.intact != nil {
			if err := f.intact(); err != nil {
				t.Errorf("%s: %v", f.name, err)
			}
		}
	}
}

// runs runs in as one chunk, in other surroundings.
func (s *stageTest) runs(t testing.TB, in, want []byte) {
	t.Helper()
	for _, set := range tight(len(in)) {
		s.delivers(t, set.name, Source(in).Via(s.stage()), true, set, want)
	}
	s.delivers(t, "inside another node", Source(in).Via(pipeline.NewStage("around", s.stage().Run)), false, setting{}, want)

	one, other := &Collector{}, &Collector{hold: true}
	_, err := s.run(t.Context(), t, "in a branch of a tee", Source(in).To(pipeline.Tee(s.stage().To(one.Sink()), other.Sink())))
	wantOutput(t, "in a branch of a tee", err, one, want)
	wantOutput(t, "beside it in the tee", err, other, in)

	s.reruns(t, Source(in).Via(s.stage()), s.o.SingleUse, want)
}

// stageFaults is a stage with an input of a few chunks; something happens at each of them.
type stageFaults struct {
	*stageTest
	in  [][]byte
	out []byte
}

// upstream cancels the run and ends the node before the stage, in every way, after each chunk.
func (f *stageFaults) upstream(t testing.TB) {
	t.Helper()
	wantNoStart(t, f.checker, Source(slices.Concat(f.in...)).Via(f.stage()).To((&Collector{}).Sink()))
	for k := range len(f.in) + 1 {
		what := fmt.Sprintf("cancelled after %d chunks were sent", k)
		c := &Collector{}
		wantCancelled(t, f.checker, what, func(cancel context.CancelCauseFunc) *pipeline.Pipeline {
			return cramped(k, upstream(f.in[:k], cancelling(cancel)).Via(f.stage()).To(c.Sink()))
		})
		wantAborted(t, what, c, f.out)

		for _, how := range failures {
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
			wantAborted(t, what, c, f.out)
		}
	}
}
