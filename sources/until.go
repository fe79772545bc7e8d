package sources

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/pipeline"
)

// Until emits source, and ends it gracefully when done is closed: its first node stops, the stages behind
// that see the end of their input and flush, what was sent drains and is published. (To cancel the run's
// context aborts it instead, and publishes nothing.)
//
// A source that ends by itself, or fails, does so as without Until. A size that source promises is not
// passed on, because it may not come true. If done is nil, nothing ever ends the source early.
func Until(done <-chan struct{}, source pipeline.Source) pipeline.Source {
	return pipeline.NewSource("until", func(ctx context.Context, out *pipeline.Outlet) error {
		ctx, cancel := context.WithCancelCause(ctx)
		var watcher errgroup.Group
		defer func() {
			cancel(nil)
			_ = watcher.Wait() // it has no error
		}()
		watcher.Go(func() error {
			select {
			case <-done:
				cancel(pipeline.ErrStopped)
			case <-ctx.Done():
			}
			return nil
		})
		return source.Run(ctx, out)
	})
}
