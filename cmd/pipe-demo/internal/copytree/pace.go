package copytree

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/pipeline"
)

// pacesPerSecond is how many pieces a limit lets through in a second.
const pacesPerSecond = 20

// sharedLimit is a limit that all flows through it share, where each flow through a stages.Limit has the whole rate for
// itself: a thousand small files would pass it at any speed.
func sharedLimit(bytesPerSecond int64) pipeline.Stage {
	piece := int(min(max(bytesPerSecond/pacesPerSecond, 1), 1<<30))
	limiter := rate.NewLimiter(rate.Limit(bytesPerSecond), piece)
	return pipeline.NewStage("limit", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		return cli.PassOn(ctx, in, out, func(c pipeline.Chunk) error {
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
