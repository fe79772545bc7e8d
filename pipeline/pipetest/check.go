package pipetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/pipeline"
)

// The causes that the conformance tests inject. A run must come back with the very same value.
var (
	errUpstream   = errors.New("pipetest: upstream failed")
	errDownstream = errors.New("pipetest: downstream failed")
	errSibling    = errors.New("pipetest: a sibling failed")
	errCancelled  = errors.New("pipetest: the run was cancelled")
	errLate       = errors.New("pipetest: a last step failed")
)

const (
	steps  = 8 // chunks that an input is cut into where something happens at each of them
	atOnce = 6 // concurrent runs of one description
)

// patience is how long a run may take before it counts as stuck.
var patience = 20 * time.Second

// checker runs flows and checks what each leaves behind.
type checker struct {
	idle  func() // called after a run, until none of its goroutines are left
	stuck bool   // a run did not end, or left goroutines: further runs would prove nothing
}

// sub runs f as a subtest if t supports subtests. It does nothing once a run was
// stuck, and reports whether f found no error.
func (c *checker) sub(t testing.TB, name string, f func(t testing.TB)) (ok bool) {
	t.Helper()
	if c.stuck {
		return false
	}
	if t, ok := t.(*testing.T); ok {
		return t.Run(name, func(t *testing.T) { f(t) })
	}
	f(t)
	return !t.Failed()
}

// run runs p. The error is the run's; the test ends if the run does not.
func (c *checker) run(ctx context.Context, t testing.TB, what string, p *pipeline.Pipeline) (pipeline.Report, error) {
	t.Helper()
	type result struct {
		report pipeline.Report
		err    error
	}
	count := runtime.NumGoroutine()
	ended := make(chan result, 1)
	go func() {
		report, err := p.Run(ctx)
		ended <- result{report, err}
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case r := <-ended:
		if c.idle != nil {
			c.idle()
		}
		c.leaks(t, what, count)
		return r.report, r.err
	case <-timer.C:
		c.stuck = true
		t.Fatalf("%s: the run has not ended after %v; goroutines:\n\n%s", what, patience, stacks())
		panic("unreachable")
	}
}

// leaks reports goroutines that a run left behind.
func (c *checker) leaks(t testing.TB, what string, count int) {
	t.Helper()
	for range 1000 { // usually the last of them are about to exit
		if runtime.NumGoroutine() <= count {
			return
		}
		runtime.Gosched()
	}
	gone := func() bool {
		if c.idle != nil {
			c.idle() // what was busy the last time may be idle now
		}
		return runtime.NumGoroutine() <= count
	}
	if eventually(min(patience, time.Second), gone) {
		return
	}
	c.stuck = true // each further run would wait as long
	t.Fatalf("%s: %d goroutines are left; all of them:\n\n%s", what, runtime.NumGoroutine()-count, stacks())
}

func stacks() string {
	var all []string
	for _, stack := range goroutines() {
		all = append(all, stack)
	}
	return strings.Join(all, "\n\n")
}

// pause gives the other nodes time to reach the calls that block. Correctness does not
// depend on it; it makes more interleavings likely.
func pause(ctx context.Context) {
	for i := 0; i < 50 && ctx.Err() == nil; i++ {
		runtime.Gosched()
	}
}

// at returns a Collector whose sink calls f once, when it has received k chunks, or
// at the end of a stream with fewer.
func at(k int, f func(ctx context.Context) error) *Collector {
	done := false
	return &Collector{before: func(ctx context.Context, received int, eof bool) error {
		if done || received < k && !eof {
			return nil
		}
		done = true
		pause(ctx)
		return f(ctx)
	}}
}

// upstream returns the source that sends the pieces, pauses and calls f, also when it
// has been stopped.
func upstream(pieces [][]byte, f func(ctx context.Context, out *pipeline.Outlet) error) pipeline.Source {
	return pipeline.NewSource("upstream", func(ctx context.Context, out *pipeline.Outlet) error {
		for _, piece := range pieces {
			if err := out.Send(ctx, chunk(piece)); err != nil {
				break
			}
		}
		pause(ctx)
		return f(ctx, out)
	})
}

// named returns the sink that behaves like c's and is called "downstream".
func named(c *Collector) pipeline.Sink { return pipeline.NewSink("downstream", c.collect) }

// cramped gives every other flow channels that hold one chunk, so that its nodes wait for
// room; those of the others wait for input.
func cramped(k int, p *pipeline.Pipeline) *pipeline.Pipeline {
	p.Buffer = k % 2
	return p
}

// wantSent reports a node that has sent more than most bytes to another, including those
// that a failure overtook.
func wantSent(t testing.TB, what string, report pipeline.Report, to string, most int) {
	t.Helper()
	for _, e := range report.Channels {
		if report.Nodes[e.To].Name == to && e.Bytes > int64(most) {
			t.Errorf("%s: %d bytes left it before it failed, want %d at most", what, e.Bytes, most)
		}
	}
}

// pieces cuts b into at most n chunks.
func pieces(b []byte, n int) [][]byte {
	all, err := cut(b, evenly(len(b), n))
	if err != nil {
		panic(err) // evenly's cuts are in order
	}
	return all
}

// setting are settings of a flow.
type setting struct {
	name              string
	chunkSize, buffer int
}

func (s setting) apply(p *pipeline.Pipeline) *pipeline.Pipeline {
	p.ChunkSize, p.Buffer = s.chunkSize, s.buffer
	return p
}

// tight returns settings under which every node waits for its neighbours all the time. It
// leaves out those that cut n bytes into more than 2000 chunks.
func tight(n int) []setting {
	settings := []setting{{"one chunk at a time", 0, 1}, {"chunks of 4096 bytes", 4096, 0}}
	if n/7 <= 2000 {
		settings = append(settings, setting{"chunks of 7 bytes, one at a time", 7, 1})
	}
	return settings
}

// failure is one way in which a neighbour fails.
type failure struct {
	name string
	do   func(ctx context.Context, cause error) error // called by the neighbour, which returns its error
	want func(t testing.TB, what string, err error, node string, cause error)
}

var failures = []failure{
	{"fails", func(_ context.Context, cause error) error { return cause }, wantNode},
	{"panics", func(_ context.Context, cause error) error { panic(cause) }, wantPanic},
	{"calls runtime.Goexit", func(context.Context, error) error { runtime.Goexit(); return nil }, wantFailure},
	{"returns io.EOF", func(context.Context, error) error { return io.EOF }, func(t testing.TB, what string, err error, node string, _ error) {
		t.Helper()
		wantNode(t, what, err, node, io.ErrUnexpectedEOF)
	}},
}

// succeeding ends an upstream without an error.
func succeeding(context.Context, *pipeline.Outlet) error { return nil }

// cancelling cancels the run, waits until the node's context has ended and returns the cause.
func cancelling(cancel context.CancelCauseFunc) func(context.Context, *pipeline.Outlet) error {
	return func(ctx context.Context, _ *pipeline.Outlet) error {
		cancel(errCancelled)
		<-ctx.Done()
		return context.Cause(ctx)
	}
}

// wantCancelled runs a flow that cancels itself.
func wantCancelled(t testing.TB, c *checker, what string, flow func(cancel context.CancelCauseFunc) *pipeline.Pipeline) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	_, err := c.run(ctx, t, what, flow(cancel))
	wantCause(t, what, err)
}

// wantNoStart runs a flow whose context was cancelled before (S13).
func wantNoStart(t testing.TB, c *checker, p *pipeline.Pipeline) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errCancelled)
	_, err := c.run(ctx, t, beforeRun, p)
	wantCause(t, beforeRun, err)
}

const beforeRun = "cancelled before the run"

// wantSingleUse runs a flow whose description has been run before.
func wantSingleUse(t testing.TB, c *checker, p *pipeline.Pipeline) {
	t.Helper()
	if _, err := c.run(t.Context(), t, "second run", p); !errors.Is(err, pipeline.ErrSingleUse) {
		t.Errorf("second run: %v, want %v", err, pipeline.ErrSingleUse)
	}
}

// together runs the flows that flow returns at the same time, and reports whether all of
// them succeeded.
func (c *checker) together(t testing.TB, flow func(i int) *pipeline.Pipeline) bool {
	t.Helper()
	parts := make([]pipeline.Source, atOnce)
	for i := range parts {
		parts[i] = pipeline.NewSource("part", func(ctx context.Context, _ *pipeline.Outlet) error {
			_, err := flow(i).Run(ctx)
			return err
		})
	}
	_, err := c.run(t.Context(), t, concurrently, pipeline.Merge(parts...).To((&Collector{}).Sink()))
	if err != nil {
		t.Errorf("%s: %v", concurrently, err)
	}
	return err == nil
}

var concurrently = fmt.Sprintf("%d runs at once", atOnce)

// delivers runs source into a collector, which must receive want. With hold, the collector
// releases the chunks only at the end.
func (c *checker) delivers(t testing.TB, what string, source pipeline.Source, hold bool, with setting, want []byte) {
	t.Helper()
	to := &Collector{hold: hold}
	_, err := c.run(t.Context(), t, what, with.apply(source.To(to.Sink())))
	wantOutput(t, what, err, to, want)
}

// reruns runs one description more than once: a second run of a single-use one must fail,
// any other runs many times at once.
func (c *checker) reruns(t testing.TB, source pipeline.Source, singleUse bool, want []byte) {
	t.Helper()
	if singleUse {
		c.delivers(t, "first run", source, false, setting{}, want)
		wantSingleUse(t, c, source.To((&Collector{}).Sink()))
		return
	}
	var all Collector
	if !c.together(t, func(int) *pipeline.Pipeline { return source.To(all.Sink()) }) {
		return
	}
	for _, o := range all.Outcomes() {
		if err := compare(o.Data, want); err != nil {
			t.Errorf("%s: %v", concurrently, err)
		}
	}
}

// downstream ends the node behind a source in every way, after each number of chunks up to
// chunks. flow returns the source, followed by a sink. What the sink receives must be the
// beginning of want, if want is not nil.
func (c *checker) downstream(t testing.TB, chunks int, want []byte, flow func(k int, sink pipeline.Sink) *pipeline.Pipeline) {
	t.Helper()
	for k := range chunks + 1 {
		what := fmt.Sprintf("cancelled after %d chunks were received", k)
		var to *Collector
		wantCancelled(t, c, what, func(cancel context.CancelCauseFunc) *pipeline.Pipeline {
			to = at(k, func(context.Context) error { cancel(errCancelled); return nil })
			return flow(k, to.Sink())
		})
		wantUndone(t, what, to)
		wantBeginning := func() {
			t.Helper()
			if want != nil {
				wantPrefix(t, what, to, want)
			}
		}
		wantBeginning()

		what = fmt.Sprintf("downstream has enough after %d chunks", k)
		to = at(k, func(context.Context) error { return pipeline.Enough })
		if _, err := c.run(t.Context(), t, what, flow(k, to.Sink())); err != nil {
			t.Errorf("%s: %v, want success", what, err)
		}
		wantBeginning()

		for _, how := range failures {
			what = fmt.Sprintf("downstream %s after %d chunks", how.name, k)
			to = at(k, func(ctx context.Context) error { return how.do(ctx, errDownstream) })
			_, err := c.run(t.Context(), t, what, flow(k, named(to)))
			how.want(t, what, err, "downstream", errDownstream)
			wantUndone(t, what, to)
			wantBeginning()
		}
	}
}
