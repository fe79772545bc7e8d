package pipetest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
)

var letters = []byte("abcdefgh")

func TestFaultsOfALine(t *testing.T) {
	var c *pipetest.Collector
	struck := map[pipetest.FaultKind]int{}
	pipetest.TestFaultsWith(t, func(_ testing.TB, fault pipeline.Stage) *pipeline.Pipeline {
		c = &pipetest.Collector{}
		return pipetest.Source(letters, 1, 2, 3, 4).Via(fault).To(c.Sink())
	}, pipetest.FaultOptions{After: func(t testing.TB, f pipetest.Fault, _ pipeline.Report, err error) {
		struck[f.Kind]++
		data, ok := c.Published()
		if ok != (f.Kind == pipetest.FaultStop) {
			t.Errorf("%v: published %v, run: %v", f.Kind, ok, err)
		}
		if ok && string(data) != string(letters[:f.After]) && f.After < 5 {
			t.Errorf("%v after %d: published %q", f.Kind, f.After, data)
		}
	}})
	for _, kind := range []pipetest.FaultKind{
		pipetest.FaultError, pipetest.FaultPanic, pipetest.FaultGoexit, pipetest.FaultCancel, pipetest.FaultStop,
	} {
		if struck[kind] != 6 {
			t.Errorf("%s happened %d times in a stream of 5 chunks, want 6", kind, struck[kind])
		}
	}
}

func TestFaultsOfABranch(t *testing.T) {
	var healthy, faulty *pipetest.Collector
	pipetest.TestFaultsWith(t, func(_ testing.TB, fault pipeline.Stage) *pipeline.Pipeline {
		healthy, faulty = &pipetest.Collector{}, &pipetest.Collector{}
		return pipetest.Source(letters, 1, 2, 3, 4).To(pipeline.Tee(healthy.Sink(), pipeline.BestEffort(fault.To(faulty.Sink()))))
	}, pipetest.FaultOptions{Detached: true, After: func(t testing.TB, f pipetest.Fault, _ pipeline.Report, err error) {
		if data, ok := healthy.Published(); ok != (err == nil) || ok && string(data) != string(letters) {
			t.Errorf("%v after %d: the healthy branch published %q, %v; run: %v", f.Kind, f.After, data, ok, err)
		}
		if _, ok := faulty.Published(); ok != (f.Kind == pipetest.FaultStop) {
			t.Errorf("%v after %d: the faulty branch published: %v", f.Kind, f.After, ok)
		}
	}})
}

func TestBrokenFlowsAreCaught(t *testing.T) {
	line := func(_ testing.TB, fault pipeline.Stage) *pipeline.Pipeline {
		return pipetest.Source(letters, 1, 2, 3, 4).Via(fault).To((&pipetest.Collector{}).Sink())
	}
	branch := func(_ testing.TB, fault pipeline.Stage) *pipeline.Pipeline {
		return pipetest.Source(letters, 1, 2, 3, 4).To(pipeline.BestEffort(fault.To((&pipetest.Collector{}).Sink())))
	}
	masked := func(_ testing.TB, fault pipeline.Stage) *pipeline.Pipeline {
		return pipetest.Source(letters).To(pipeline.NewSink("masks", func(ctx context.Context, in *pipeline.Inlet) error {
			in.AtEnd(func(_ context.Context, failed error) error { return failed })
			return fault.To((&pipetest.Collector{}).Sink()).Run(ctx, in)
		}))
	}
	run(t, []mutant{
		{name: "forgives a failure", want: "the run succeeded", check: func(t testing.TB) { pipetest.TestFaults(t, branch) }},
		{name: "does not forgive", want: "want success without the branch", check: func(t testing.TB) {
			pipetest.TestFaultsWith(t, line, pipetest.FaultOptions{Detached: true})
		}},
		{name: "says more than the cause", want: "more than its cause", check: func(t testing.TB) { pipetest.TestFaults(t, masked) }},
		{name: "fails the caller's check", want: "not so", check: func(t testing.TB) {
			pipetest.TestFaultsWith(t, line, pipetest.FaultOptions{After: func(t testing.TB, _ pipetest.Fault, _ pipeline.Report, _ error) {
				t.Errorf("not so")
			}})
		}},
	})
}

func TestFaultNamesWhatIsWrongWithIt(t *testing.T) {
	for _, f := range []pipetest.Fault{{}, {Kind: pipetest.FaultCancel}, {Kind: "odd"}} {
		_, err := pipetest.Source(letters).Via(f.Stage()).To((&pipetest.Collector{}).Sink()).Run(t.Context())
		var failure *pipeline.Error
		if !errors.As(err, &failure) || failure.Node != "fault" {
			t.Errorf("%+v: %v, want an error of fault", f, err)
		}
	}
}
