package pipetest

import (
	"bytes"
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
	// defaultPatience is how long a run may take before it counts as stuck.
	defaultPatience = 20 * time.Second
	// steps is into how many chunks an input is cut where something happens at each of them.
	steps = 8
	// atOnce is how many runs of one description are started together.
	atOnce = 6
)

// checker runs flows and looks at what each leaves behind.
type checker struct {
	patience time.Duration
	idle     func() // called after a run, until none of its goroutines are left
	stuck    bool   // a run did not end, or left goroutines: what follows would prove nothing
}

func newChecker(patience time.Duration, idle func()) *checker {
	if patience == 0 {
		patience = defaultPatience
	}
	return &checker{patience: patience, idle: idle}
}

// sub runs f as a subtest where t can have some. It does nothing once a run was
// stuck, and reports whether nothing was found wrong.
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
	timer := time.NewTimer(c.patience)
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
		t.Fatalf("%s: the run has not ended after %v; goroutines:\n\n%s", what, c.patience, stacks())
		panic("unreachable")
	}
}

// leaks reports goroutines that a run left behind.
func (c *checker) leaks(t testing.TB, what string, count int) {
	t.Helper()
	for range 1000 { // usually the last of them are just about to go
		if runtime.NumGoroutine() <= count {
			return
		}
		runtime.Gosched()
	}
	limit := min(c.patience, time.Second)
	for start, pause := time.Now(), time.Microsecond; time.Since(start) < limit; pause = min(2*pause, 5*time.Millisecond) {
		if runtime.NumGoroutine() <= count {
			return
		}
		if c.idle != nil {
			c.idle() // what was busy the last time may be idle now
		}
		time.Sleep(pause)
	}
	c.stuck = true // each further run would wait as long for the same
	t.Fatalf("%s: %d goroutines are left; all of them:\n\n%s", what, runtime.NumGoroutine()-count, stacks())
}

func stacks() string {
	var all []string
	for _, stack := range goroutines() {
		all = append(all, stack)
	}
	return strings.Join(all, "\n\n")
}

// wantNode reports a run that did not fail with cause, as a failure of node.
func wantNode(t testing.TB, what string, err error, node string, cause error) {
	t.Helper()
	var failure *pipeline.Error
	switch {
	case err == nil:
		t.Errorf("%s: the run succeeded, want the failure of %s", what, node)
	case !errors.As(err, &failure) || failure.Node != node || failure.Err != cause:
		t.Errorf("%s: the run failed with %q, want that %s failed with %q: the first cause", what, err, node, cause)
	case err != error(failure):
		t.Errorf("%s: the run failed with more than its cause: %v", what, err)
	}
}

// wantPanic reports a run that did not fail with a panic of node.
func wantPanic(t testing.TB, what string, err error, node string) {
	t.Helper()
	var p *pipeline.PanicError
	if !errors.As(err, &p) || p.Node != node {
		t.Errorf("%s: the run ended with %v, want the panic of %s", what, err, node)
	}
}

// wantFailure reports a run that did not fail because of node.
func wantFailure(t testing.TB, what string, err error, node string) {
	t.Helper()
	var failure *pipeline.Error
	if !errors.As(err, &failure) || failure.Node != node {
		t.Errorf("%s: the run ended with %v, want the failure of %s", what, err, node)
	}
}

// wantCause reports a run that was cancelled and returned something else than the cause.
func wantCause(t testing.TB, what string, err error) {
	t.Helper()
	if err != errCancelled {
		t.Errorf("%s: the run returned %v, want exactly the cause %q", what, err, errCancelled)
	}
}

// wantUndone reports a collector that a failed run published to, or that took the failure for an end.
func wantUndone(t testing.TB, what string, c *Collector) {
	t.Helper()
	for _, o := range c.Outcomes() {
		if o.Published {
			t.Errorf("%s: %d bytes were published", what, len(o.Data))
		}
	}
}

// wantOutput reports a run that failed or delivered something else than want.
func wantOutput(t testing.TB, what string, err error, c *Collector, want []byte) {
	t.Helper()
	got, ok := c.Published()
	switch {
	case err != nil:
		t.Errorf("%s: %v", what, err)
	case !ok:
		t.Errorf("%s: the run succeeded and published nothing", what)
	default:
		if err := compare(got, want); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// wantPrefix reports a collector that received what is not the beginning of want.
func wantPrefix(t testing.TB, what string, c *Collector, want []byte) {
	t.Helper()
	for _, o := range c.Outcomes() {
		if !bytes.HasPrefix(want, o.Data) {
			n := min(len(o.Data), len(want))
			t.Errorf("%s: what came through is not the beginning of the whole: %v", what, compare(o.Data, want[:n]))
		}
	}
}

// pause gives the other nodes time to come to where they wait. Nothing depends on it but
// how much of what can happen does.
func pause(ctx context.Context) {
	for i := 0; i < 50 && ctx.Err() == nil; i++ {
		runtime.Gosched()
	}
}

// at returns a Collector whose sink calls f once, when it has received k chunks, or
// all of them if they are fewer.
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

// upstream returns the source that sends the pieces, pauses and calls f. It goes on
// to f when it is stopped: what it does then must not matter less.
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
func named(c *Collector) pipeline.Sink {
	return pipeline.NewSink("downstream", func(ctx context.Context, in *pipeline.Inlet) error {
		return c.collect(ctx, in)
	})
}

// cramped makes every other flow one whose channels hold one chunk: what happens in
// it finds the nodes waiting for room, in the others they wait for input.
func cramped(k int, p *pipeline.Pipeline) *pipeline.Pipeline {
	p.Buffer = k % 2
	return p
}

// wantSent reports a node that has sent more than so many bytes to another, also if a
// failure overtook them.
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

// tight are settings under which every node waits for its neighbours all the time.
var tight = []struct {
	name              string
	chunkSize, buffer int
}{
	{"one chunk at a time", 0, 1},
	{"chunks of 7 bytes, one at a time", 7, 1},
	{"chunks of 4096 bytes", 4096, 0},
}

// nested returns the stage that runs stage inside a node of its own.
func nested(stage pipeline.Stage) pipeline.Stage {
	return pipeline.NewStage("around", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		return stage.Run(ctx, in, out)
	})
}

// failure describes one way in which a neighbour comes to a bad end.
type failure struct {
	name string
	do   func(ctx context.Context, cause error) error // the neighbour returns what it does
	want func(t testing.TB, what string, err error, node string, cause error)
}

var failures = []failure{
	{"fails", func(_ context.Context, cause error) error { return cause }, wantNode},
	{"panics", func(_ context.Context, cause error) error { panic(cause) }, func(t testing.TB, what string, err error, node string, _ error) {
		t.Helper()
		wantPanic(t, what, err, node)
	}},
	{"calls runtime.Goexit", func(context.Context, error) error { runtime.Goexit(); return nil }, func(t testing.TB, what string, err error, node string, _ error) {
		t.Helper()
		wantFailure(t, what, err, node)
	}},
	{"returns io.EOF", func(context.Context, error) error { return io.EOF }, func(t testing.TB, what string, err error, node string, _ error) {
		t.Helper()
		wantNode(t, what, err, node, io.ErrUnexpectedEOF)
	}},
}

// succeeding ends an upstream well.
func succeeding(context.Context, *pipeline.Outlet) error { return nil }

// cancelling cancels the run, waits until that has reached the node and returns what it gets.
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

// wantNoStart runs a flow that was cancelled before. (S13)
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

// together runs one description many times at once.
func (c *checker) together(t testing.TB, source pipeline.Source, want []byte) {
	t.Helper()
	what := fmt.Sprintf("%d runs at once", atOnce)
	var all Collector
	parts := make([]pipeline.Source, atOnce)
	for i := range parts {
		parts[i] = pipeline.NewSource("part", func(ctx context.Context, _ *pipeline.Outlet) error {
			_, err := source.To(all.Sink()).Run(ctx)
			return err
		})
	}
	_, err := c.run(t.Context(), t, what, pipeline.Merge(parts...).To((&Collector{}).Sink()))
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	for _, o := range all.Outcomes() {
		if err := compare(o.Data, want); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
