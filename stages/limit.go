package stages

import (
	"context"
	"fmt"
	"math"
	"time"

	"golang.org/x/time/rate"

	"github.com/weirflow/weir/pipeline"
)

// pace is how many pieces a second Limit lets through: often enough to look smooth,
// and seldom enough to cost nothing.
const pace = 20

// Limit passes a stream on at bytesPerSecond at most, on average. It is smooth: the
// bytes of a twentieth of a second go at a time, so larger chunks are split, and the
// stream is never more than a tenth of a second ahead of its average, also after
// having had nothing to do. Every run has the whole rate for itself.
//
//   - Emits: each chunk, or piece of one, when its turn has come.
//   - Waits: for its turn, at most a twentieth of a second, or the time of one byte if
//     that is longer. The end of the run interrupts it at once.
//   - Ends: with the stream.
//   - Fails: if bytesPerSecond is less than 1.
//
// The size of the stream is passed on.
func Limit(bytesPerSecond int64) pipeline.Stage {
	return pipeline.NewStage("limit", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		if bytesPerSecond < 1 {
			return fmt.Errorf("bytesPerSecond %d: want 1 or more", bytesPerSecond)
		}
		piece := int(min(max(bytesPerSecond/pace, 1), math.MaxInt32))
		limiter := rate.NewLimiter(rate.Limit(bytesPerSecond), piece)
		timer := time.NewTimer(0)
		defer timer.Stop()
		allowed := 0 // bytes that may pass before the next wait
		return relay(ctx, in, out, same, func(c pipeline.Chunk) error {
			for c.Len() > 0 {
				if allowed == 0 {
					if err := wait(ctx, timer, limiter, piece); err != nil {
						c.Release()
						return err
					}
					allowed = piece
				}
				var head pipeline.Chunk
				head, c = c.Split(min(allowed, c.Len()))
				allowed -= head.Len()
				if err := out.Send(ctx, head); err != nil {
					c.Release()
					return err
				}
			}
			return nil
		})
	})
}

// wait waits until n bytes may pass. It is not Limiter.WaitN because that gives up
// before it waits when the deadline of ctx would not hold, with an error of its own:
// the flow would then fail early, and not because of its deadline.
func wait(ctx context.Context, timer *time.Timer, limiter *rate.Limiter, n int) error {
	delay := limiter.ReserveN(time.Now(), n).Delay()
	if delay == 0 {
		return nil
	}
	timer.Reset(delay)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
