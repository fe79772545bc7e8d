package pipetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// FaultKind is how a [Fault] ends.
type FaultKind string

// The kinds of faults.
const (
	FaultError  FaultKind = "error"  // the node fails with ErrFault
	FaultPanic  FaultKind = "panic"  // the node panics with ErrFault
	FaultGoexit FaultKind = "goexit" // the node calls runtime.Goexit
	FaultCancel FaultKind = "cancel" // the node cancels the run, with ErrFault as the cause
	FaultStop   FaultKind = "stop"   // the node returns pipeline.Enough
)

// ErrFault is what an injected fault fails with.
var ErrFault = errors.New("pipetest: injected fault")

// Fault is a stage that passes on a number of chunks and then ends in a given way.
type Fault struct {
	Kind   FaultKind
	After  int                     // chunks passed on before
	Cancel context.CancelCauseFunc // for FaultCancel: cancels the context that the flow runs with
}

// Stage returns the stage, called "fault". A stream that ends sooner passes unchanged.
func (f Fault) Stage() pipeline.Stage { return f.stage(new(atomic.Bool)) }

// stage returns the stage, which sets struck when the fault happens.
func (f Fault) stage(struck *atomic.Bool) pipeline.Stage {
	return pipeline.NewStage("fault", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for range f.After {
			c, err := in.Next(ctx)
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		struck.Store(true)
		return f.strike(ctx)
	})
}

func (f Fault) strike(ctx context.Context) error {
	switch f.Kind {
	case FaultError:
		return ErrFault
	case FaultPanic:
		panic(ErrFault)
	case FaultGoexit:
		runtime.Goexit()
	case FaultCancel:
		if f.Cancel == nil {
			return errors.New("Fault.Cancel is nil: want the cancel function of the run's context")
		}
		f.Cancel(ErrFault)
		<-ctx.Done()
		return context.Cause(ctx)
	case FaultStop:
		return pipeline.Enough
	}
	return fmt.Errorf("Fault.Kind %q: want error, panic, goexit, cancel or stop", f.Kind)
}

// FaultOptions says how a flow reacts to a fault. The zero value is the strict flow:
// the failure of a node fails the run.
type FaultOptions struct {
	// Detached: the fault is in a branch that may fail. An error must then be in
	// Report.Detached, and the run must succeed.
	Detached bool

	// After checks what a run in which the fault happened has published or undone.
	After func(t testing.TB, f Fault, report pipeline.Report, err error)

	// Idle is called after every run, and again while goroutines of the run are left, to
	// close idle connections for instance.
	Idle func()
}

// TestFaults tests how a flow ends when one of its nodes fails: see [TestFaultsWith].
func TestFaults(t testing.TB, flow func(t testing.TB, fault pipeline.Stage) *pipeline.Pipeline) {
	t.Helper()
	TestFaultsWith(t, flow, FaultOptions{})
}

// TestFaultsWith runs a flow repeatedly with a [Fault] in it, of every kind and after every number
// of chunks from 0 to 8, or to the last of the stream. flow returns the flow with the fault in it, and is
// called for every run. An error must be returned as the failure of node "fault", a panic as
// a *pipeline.PanicError, a cancellation as exactly its cause; FaultStop is a success. No goroutine may be left.
func TestFaultsWith(t testing.TB, flow func(t testing.TB, fault pipeline.Stage) *pipeline.Pipeline, o FaultOptions) {
	t.Helper()
	c := &checker{idle: o.Idle}
	for _, kind := range []FaultKind{FaultError, FaultPanic, FaultGoexit, FaultCancel, FaultStop} {
		c.sub(t, string(kind), func(t testing.TB) {
			for k := range steps + 1 {
				if c.stuck || !c.fault(t, flow, o, Fault{Kind: kind, After: k}) {
					return
				}
			}
		})
	}
}

// fault runs flow with f and reports whether f happened.
func (c *checker) fault(t testing.TB, flow func(t testing.TB, fault pipeline.Stage) *pipeline.Pipeline, o FaultOptions, f Fault) bool {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	f.Cancel = cancel
	var struck atomic.Bool
	what := fmt.Sprintf("%s after %d chunks", f.Kind, f.After)
	report, err := c.run(ctx, t, what, flow(t, f.stage(&struck)))
	switch {
	case !struck.Load() || f.Kind == FaultStop:
		if err != nil {
			t.Errorf("%s: %v, want success", what, err)
		}
	case f.Kind == FaultPanic:
		wantPanic(t, what, err, "fault", nil)
	case f.Kind == FaultGoexit:
		wantFailure(t, what, err, "fault", nil)
	case f.Kind == FaultCancel:
		if err != ErrFault {
			t.Errorf("%s: the run returned %v, want exactly the cause %q", what, err, ErrFault)
		}
	case o.Detached:
		if err != nil {
			t.Errorf("%s: %v, want success without the branch", what, err)
		}
		if len(report.Detached) != 1 || report.Detached[0].Node != "fault" || !errors.Is(report.Detached[0], ErrFault) {
			t.Errorf("%s: detached: %v, want the branch of fault and its error", what, report.Detached)
		}
	default:
		wantNode(t, what, err, "fault", ErrFault)
	}
	if o.After != nil && struck.Load() {
		o.After(t, f, report, err)
	}
	return struck.Load()
}
