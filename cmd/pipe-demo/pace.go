package main

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/weirflow/weir/pipeline"
)

// pacesPerSecond is how many pieces a limit lets through in a second.
const pacesPerSecond = 20

// together is a limit that all flows through it share, where each flow through a stages.Limit has the whole rate for
// itself: a thousand small files would pass it at any speed.
func together(bytesPerSecond int64) pipeline.Stage {
	piece := int(min(max(bytesPerSecond/pacesPerSecond, 1), 1<<30))
	limiter := rate.NewLimiter(rate.Limit(bytesPerSecond), piece)
	return pipeline.NewStage("limit", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		return passOn(ctx, in, out, func(c pipeline.Chunk) error {
			for c.Len() > 0 {
				var head pipeline.Chunk
				head, c = c.Split(min(piece, c.Len()))
				err := sleep(ctx, limiter.ReserveN(time.Now(), head.Len()).Delay())
				if err == nil {
					err = out.Send(ctx, head)
				} else {
					head.Release()
				}
				if err != nil {
					c.Release()
					return err
				}
			}
			return nil
		})
	})
}

// sleep waits, unless ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// passOn calls f, which takes the chunk, for each chunk of a stream that keeps its length.
func passOn(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet, f func(pipeline.Chunk) error) error {
	first := true
	for c, err := range in.Chunks(ctx) {
		if err != nil {
			return err
		}
		if n, known := in.Size(); known && first {
			out.SetSize(n)
		}
		first = false
		if err := f(c); err != nil {
			return err
		}
	}
	return nil
}
