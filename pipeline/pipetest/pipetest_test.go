package pipetest_test

import (
	"context"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
)

func identity() pipeline.Stage {
	return pipeline.NewStage("pass", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestKitOnIdentity(t *testing.T) {
	pipetest.NoLeaks(t)
	pipetest.TestStage(t, identity)
	pipetest.TestStage(t, func() pipeline.Stage { return pipeline.Stage{} })
}

func TestKitOnSource(t *testing.T) {
	pipetest.NoLeaks(t)
	b := make([]byte, 10000)
	pipetest.TestSource(t, func() pipeline.Source { return pipetest.Source(b, 10, 10, 1000, 5000) }, b)
}

func TestKitOnSink(t *testing.T) {
	pipetest.NoLeaks(t)
	pipetest.TestSink(t, func(testing.TB) pipetest.Target {
		c := &pipetest.Collector{}
		return pipetest.Target{Sink: c.Sink(), Published: c.Published}
	})
}
