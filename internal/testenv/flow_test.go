package testenv_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/pipeline"
)

func TestAwaitIdle(t *testing.T) {
	var done, early atomic.Int32
	source := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
		for range 3 {
			if err := out.Send(ctx, pipeline.NewChunk(10)); err != nil {
				return err
			}
		}
		testenv.AwaitIdle(ctx)
		if done.Load() != 3 {
			early.Add(1)
		}
		return nil
	})
	sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			for range 1000 {
				c.Bytes()[0]++
			}
			c.Release()
			done.Add(1)
		}
		return nil
	})
	for range 20 {
		done.Store(0)
		if _, err := testenv.Run(t.Context(), source.To(sink)); err != nil {
			t.Fatal(err)
		}
	}
	if n := early.Load(); n > 0 {
		t.Errorf("%d times, the sink was not done", n)
	}
}

func TestAwaitFull(t *testing.T) {
	sent := make(chan struct{}, 10)
	source := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
		for range 3 {
			if err := out.Send(ctx, pipeline.NewChunk(1)); err != nil {
				return err
			}
			sent <- struct{}{}
		}
		return nil
	})
	sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
		testenv.AwaitFull(ctx)
		if n := len(sent); n != 1 {
			t.Errorf("%d chunks were sent, want the first one", n)
		}
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			c.Release()
		}
		return nil
	})
	p := source.To(sink)
	p.Buffer = 1
	if _, err := testenv.Run(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}
