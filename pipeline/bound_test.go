package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/pipeline"
)

// S30
func TestProducerStopsAtTheBound(t *testing.T) {
	for _, k := range []int{1, 2, 16, 64} {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var sent atomic.Int64
				src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
					for range 200 {
						if err := out.Send(ctx, pipeline.NewChunk(4096)); err != nil {
							return err
						}
						sent.Add(1)
					}
					return nil
				})
				release := make(chan struct{})
				p := src.To(stuck(release))
				p.Buffer = k * 4096
				go func() {
					synctest.Wait()
					if n := sent.Load(); n != int64(k) {
						t.Errorf("%d chunks were sent into a channel of %d", n, k)
					}
					close(release)
				}()
				run(t, p, nil)
			})
		})
	}
}

// S31: chunks that hold little of a large buffer count with the whole of it.
func TestMemoryIsBoundedByCapacity(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const buffer = 100 << 10
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			for i := range 400 {
				if err := out.Send(ctx, pipeline.NewChunk([]int{60 << 10, 3, 17 << 10, 4096}[i%4]).Slice(0, 1)); err != nil {
					return err
				}
			}
			return nil
		})
		slow := pipeline.NewSink("slow", func(ctx context.Context, in *pipeline.Inlet) error {
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return err
				}
				time.Sleep(time.Millisecond)
				c.Release()
			}
			return nil
		})
		p := src.To(slow)
		p.Buffer = buffer
		report := run(t, p, nil)
		if e := report.Channels[0]; e.Peak > buffer || e.Peak < 64<<10 || e.Chunks != 400 || e.Bytes != 400 || e.Held != 0 {
			t.Errorf("channel %+v, want a peak of at most %d", e, buffer)
		}
	})
}

// Pieces of one buffer lie in the channel together: it is there once.
func TestPiecesOfOneBufferCountOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			for range 3 {
				rest := pipeline.NewChunk(64 << 10)
				for rest.Len() > 0 {
					var head pipeline.Chunk
					head, rest = rest.Split(min(8<<10, rest.Len()))
					if err := out.Send(ctx, head); err != nil {
						rest.Release()
						return err
					}
				}
			}
			return nil
		})
		release := make(chan struct{})
		p := src.To(stuck(release))
		p.Buffer = 128 << 10
		live := start(t, p)
		go func() {
			synctest.Wait()
			if e := live.Snapshot().Channels[0]; e.Chunks != 16 || e.Held != 128<<10 {
				t.Errorf("channel %+v, want 16 pieces of two buffers", e)
			}
			close(release)
		}()
		if e := wait(t, live, nil).Channels[0]; e.Held != 0 || e.Bytes != 3*64<<10 {
			t.Errorf("channel %+v", e)
		}
	})
}

// A chunk larger than the whole buffer passes when the channel is empty.
func TestLargeChunkPasses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		big := strings.Repeat("x", 3<<20)
		p := emit("a", big, "b", big).To(s.sink())
		p.Buffer = 1
		run(t, p, nil)
		s.wantPublished(t, "a"+big+"b"+big)
	})
}

// A chunk that leaves makes room for several: all that fit get in, although one is told.
func TestRoomForTwoLetsTwoIn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var sent atomic.Int32
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			if err := out.Send(ctx, pipeline.NewChunk(64<<10)); err != nil {
				return err
			}
			var g errgroup.Group
			for range 2 {
				g.Go(func() error {
					defer sent.Add(1)
					return out.Send(ctx, pipeline.NewChunk(16<<10))
				})
			}
			return g.Wait()
		})
		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			synctest.Wait() // both wait for room
			c, err := in.Next(ctx)
			if err != nil {
				return err
			}
			c.Release()
			synctest.Wait()
			if n := sent.Load(); n != 2 {
				t.Errorf("%d of 2 chunks were let in", n)
			}
			return in.CopyTo(ctx, io.Discard)
		})
		flow := src.To(sink)
		flow.Buffer = 64 << 10
		if _, err := flow.Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
