package pipetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// Target is a sink and the place that it writes to.
type Target struct {
	Sink pipeline.Sink

	// Published returns what is visible at the place now, and false while nothing is; an empty
	// result is visible. Where a place can take several results (a queue, a server), it returns
	// them joined, so that a duplicate is found. It may be called at any time, also
	// while the sink runs. It is nil if nothing is ever visible (a sink that discards).
	Published func() (data []byte, ok bool)

	// Debris is called after a failed run. It returns an error if the sink left
	// something behind: a temporary file, an open upload. It may be nil.
	Debris func() error
}

// SinkOptions says which promises a sink does not make. The zero value tests all of them.
type SinkOptions struct {
	// PassesOn: the sink passes bytes on as they come and cannot undo, like a terminal. After a
	// failure, the content of the place need only be the beginning of what is wanted.
	PassesOn bool

	// EndsEarly: the sink may return pipeline.Enough before its input ends. A failure of what it no
	// longer reads then need not fail the run.
	EndsEarly bool

	// Once: the place takes one result only, and a second run must fail (a file that must
	// not exist before). Without it, the description is run again, also concurrently.
	Once bool

	// SingleUse: a second run of the same description must fail with pipeline.ErrSingleUse.
	SingleUse bool

	// Want returns what the sink publishes for an input. Nil: the input.
	Want func(input []byte) []byte

	// Blocked returns a sink whose first write blocks for ever. It must end when the run is
	// cancelled and when another node fails, each of which happens when every goroutine of the process waits.
	Blocked func() pipeline.Sink

	// Idle is called after every run, and again while goroutines of the run are left, to
	// close idle connections for instance.
	Idle func()
}

// TestSink tests that a sink keeps the promises of package pipeline: see
// [TestSinkWith].
func TestSink(t testing.TB, target func(t testing.TB) Target) {
	t.Helper()
	TestSinkWith(t, target, SinkOptions{})
}

// TestSinkWith tests that a sink keeps the promises of package pipeline: that it
// publishes the whole of its input, once, in its last step, and otherwise nothing.
// It
//
//   - runs inputs from empty to a few hundred KiB, cut in many ways, read through
//     the readers of testing/iotest, with a promised size, over channels that hold one chunk,
//     inside another node: what is published is the input;
//   - calls Published during the run, and when all nodes have returned but no last step has
//     been taken: nothing may be visible yet;
//   - cancels the run at every chunk; fails, panics and calls runtime.Goexit upstream at
//     every chunk; fails another branch of a tee, before and after the sink has seen
//     EOF; fails the last step of another node: Run returns that as the first cause, nothing is
//     published and nothing is left behind;
//   - checks in every run that each chunk is released once, that the sink writes
//     to no shared bytes, and that no goroutine is left.
//
// target returns the sink under test with a new place. It is called for every run; its
// t is the one for t.TempDir and t.Cleanup. TestSinkWith is not for tests that run in
// parallel with others.
func TestSinkWith(t testing.TB, target func(t testing.TB) Target, o SinkOptions) {
	t.Helper()
	s := &sinkTest{&checker{idle: o.Idle}, o, target}
	for _, input := range []struct {
		name string
		data []byte
	}{
		{"empty", nil},
		{"one byte", []byte("x")},
		{"a chunk more or less", sample(4097)},
		{"several chunks", sample(300_000)},
	} {
		s.sub(t, input.name, func(t testing.TB) {
			ok := s.sub(t, "runs", func(t testing.TB) { s.runs(t, input.data) })
			if ok && len(input.data) < 100_000 {
				s.sub(t, "faults", func(t testing.TB) { s.faults(t, input.data) })
			}
		})
	}
	if !t.Failed() {
		s.sub(t, "again", s.again)
	}
	if o.Blocked != nil {
		s.sub(t, "blocked", s.blocked)
	}
}

type sinkTest struct {
	*checker
	o      SinkOptions
	target func(t testing.TB) Target
}

func (s *sinkTest) want(input []byte) []byte {
	if s.o.Want == nil {
		return input
	}
	return s.o.Want(input)
}

// whole reports a place where not exactly the result of input is visible.
func (s *sinkTest) whole(t testing.TB, what string, target Target, input []byte) {
	t.Helper()
	if target.Published == nil {
		return
	}
	data, ok := target.Published()
	if !ok && !s.o.PassesOn {
		t.Errorf("%s: the run succeeded and nothing was published", what)
		return
	}
	if err := compare(data, s.want(input)); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// nothing reports a place where something is visible before the end, or after a failure.
func (s *sinkTest) nothing(t testing.TB, what string, target Target, input []byte) {
	t.Helper()
	if target.Published == nil {
		return
	}
	data, ok := target.Published()
	switch {
	case !ok:
	case !s.o.PassesOn:
		t.Errorf("%s: %d bytes are visible", what, len(data))
	case !bytes.HasPrefix(s.want(input), data):
		t.Errorf("%s: what is visible is not the beginning of what is wanted", what)
	}
}

// undone reports a failed run that left something behind.
func (s *sinkTest) undone(t testing.TB, what string, target Target, input []byte) {
	t.Helper()
	s.nothing(t, what, target, input)
	if target.Debris != nil {
		if err := target.Debris(); err != nil {
			t.Errorf("%s: left behind: %v", what, err)
		}
	}
}

func (s *sinkTest) runs(t testing.TB, input []byte) {
	t.Helper()
	for _, f := range feeds(input) {
		target := s.target(t)
		// The source's last step is the first one taken: all nodes have returned by then.
		source := watched(f.source(), func(failed error) {
			if failed == nil {
				s.nothing(t, f.name+": before the last steps", target, input)
			}
		})
		if _, err := s.run(t.Context(), t, f.name, source.To(target.Sink)); err != nil {
			t.Errorf("%s: %v", f.name, err)
			continue
		}
		s.whole(t, f.name, target, input)
		if f.intact != nil {
			if err := f.intact(); err != nil {
				t.Errorf("%s: %v", f.name, err)
			}
		}
	}
	for _, set := range tight(len(input)) {
		target := s.target(t)
		if _, err := s.run(t.Context(), t, set.name, set.apply(Source(input, evenly(len(input), 20)...).To(target.Sink))); err != nil {
			t.Errorf("%s: %v", set.name, err)
			continue
		}
		s.whole(t, set.name, target, input)
	}
	if t.Failed() {
		return // the rest would report the same
	}

	target := s.target(t)
	if _, err := s.run(t.Context(), t, "inside another node", Source(input).To(pipeline.NewSink("around", target.Sink.Run))); err != nil {
		t.Errorf("inside another node: %v", err)
	} else {
		s.whole(t, "inside another node", target, input)
	}

	one, other, beside := s.target(t), s.target(t), &Collector{hold: true}
	_, err := s.run(t.Context(), t, "twice in a tee", Source(input, evenly(len(input), 20)...).To(pipeline.Tee(one.Sink, beside.Sink(), other.Sink)))
	if err != nil {
		t.Errorf("twice in a tee: %v", err)
		return
	}
	s.whole(t, "first in a tee", one, input)
	s.whole(t, "last in a tee", other, input)
	wantOutput(t, "beside it in the tee", nil, beside, input)
}

// watched returns source with a first last step that calls look.
func watched(source pipeline.Source, look func(failed error)) pipeline.Source {
	return pipeline.NewSource("watched", func(ctx context.Context, out *pipeline.Outlet) error {
		out.AtEnd(func(_ context.Context, failed error) error { look(failed); return nil })
		return source.Run(ctx, out)
	})
}

func (s *sinkTest) faults(t testing.TB, input []byte) {
	t.Helper()
	in := pieces(input, steps)
	target := s.target(t)
	wantNoStart(t, s.checker, Source(input).To(target.Sink))
	s.undone(t, beforeRun, target, nil)

	for k := range len(in) + 1 {
		sent := slices.Concat(in[:k]...)
		what := fmt.Sprintf("cancelled after %d chunks were sent", k)
		target := s.target(t)
		wantCancelled(t, s.checker, what, func(cancel context.CancelCauseFunc) *pipeline.Pipeline {
			return cramped(k, upstream(in[:k], cancelling(cancel)).To(target.Sink))
		})
		s.undone(t, what, target, input)

		for _, how := range failures {
			what := fmt.Sprintf("upstream %s after %d chunks", how.name, k)
			target := s.target(t)
			_, err := s.run(t.Context(), t, what, cramped(k, upstream(in[:k], func(ctx context.Context, _ *pipeline.Outlet) error {
				s.nothing(t, what+": before that", target, input)
				return how.do(ctx, errUpstream)
			}).To(target.Sink)))
			if err == nil && s.o.EndsEarly {
				s.whole(t, what, target, sent)
				continue
			}
			how.want(t, what, err, "upstream", errUpstream)
			s.undone(t, what, target, input)

			for _, first := range []bool{true, false} {
				what := fmt.Sprintf("another branch %s after %d chunks (sink first: %v)", how.name, k, first)
				target, sibling := s.target(t), at(k, func(ctx context.Context) error { return how.do(ctx, errSibling) })
				branches := []pipeline.Sink{target.Sink, named(sibling)}
				if !first {
					slices.Reverse(branches)
				}
				_, err := s.run(t.Context(), t, what, cramped(k, upstream(in, succeeding).To(pipeline.Tee(branches...))))
				how.want(t, what, err, "downstream", errSibling)
				s.undone(t, what, target, input)
			}
		}
	}
	s.late(t, input)
}

// late fails the last step of a node that comes before the sink: the sink has
// received EOF and returned nil, and still has to undo.
func (s *sinkTest) late(t testing.TB, input []byte) {
	t.Helper()
	what := "the last step of another node fails"
	target := s.target(t)
	_, err := s.run(t.Context(), t, what, pipeline.NewSource("upstream", func(ctx context.Context, out *pipeline.Outlet) error {
		out.AtEnd(func(_ context.Context, failed error) error {
			if failed == nil {
				return errLate
			}
			return nil
		})
		return Source(input, evenly(len(input), steps)...).Run(ctx, out)
	}).To(target.Sink))
	wantNode(t, what, err, "upstream", errLate)
	s.undone(t, what, target, input)
}

// again runs one description more than once.
func (s *sinkTest) again(t testing.TB) {
	t.Helper()
	input := sample(20_000)
	target := s.target(t)
	if _, err := s.run(t.Context(), t, "first run", Source(input).To(target.Sink)); err != nil {
		t.Errorf("first run: %v", err)
		return
	}
	s.whole(t, "first run", target, input)
	switch {
	case s.o.SingleUse:
		wantSingleUse(t, s.checker, Source(input).To(target.Sink))
		s.whole(t, "after the second run", target, input)
	case s.o.Once:
		if _, err := s.run(t.Context(), t, "second run", Source(input).To(target.Sink)); err == nil {
			t.Errorf("second run: it succeeded, want an error")
		}
		s.whole(t, "after the second run", target, input)
	default:
		s.together(t, func(i int) *pipeline.Pipeline {
			return Source(input, randomly(len(input), 30, uint64(i))...).To(target.Sink)
		})
	}
}

// blocked ends a sink that blocks.
func (s *sinkTest) blocked(t testing.TB) {
	t.Helper()
	one := [][]byte{[]byte("x")}
	wantCancelled(t, s.checker, "blocked, cancelled", func(cancel context.CancelCauseFunc) *pipeline.Pipeline {
		return upstream(one, func(ctx context.Context, out *pipeline.Outlet) error {
			s.untilBlocked(t, "blocked, cancelled")
			return cancelling(cancel)(ctx, out)
		}).To(s.o.Blocked())
	})
	failing := func(context.Context, *pipeline.Outlet) error {
		s.untilBlocked(t, "blocked, failed upstream")
		return errUpstream
	}
	_, err := s.run(t.Context(), t, "blocked, failed upstream", upstream(one, failing).To(s.o.Blocked()))
	wantNode(t, "blocked, failed upstream", err, "upstream", errUpstream)
}
