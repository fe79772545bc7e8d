package stages

import (
	"context"
	"fmt"
	"math"
	"time"

	"golang.org/x/time/rate"

	"github.com/weirflow/weir/pipeline"
)

// pace is the number of pieces that Limit passes in a second: enough to be smooth, and
// few enough for the timer's cost not to matter.
const pace = 20

// Limit passes a stream on at bytesPerSecond at most, on average. It passes the
// bytes of a twentieth of a second at a time and splits larger chunks; the
// stream is never more than a tenth of a second ahead of its average, also after
// a pause. The rate applies to each run separately.
//
//   - Emits: each chunk, or piece of one, when the rate allows it.
//   - Waits: for the rate, at most a twentieth of a second, or the time of one byte if
//     that is longer. The end of the run interrupts it.
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

// wait waits until n bytes may pass. Limiter.WaitN would instead return an error of its own,
// without waiting, if the deadline of ctx comes first: the flow would fail early, and not
// because of its deadline.
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
