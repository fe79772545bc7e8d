package sources

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/pipeline"
)

// Until emits source, and ends it gracefully when done is closed: its first node stops, its stages
// receive the end of their input and flush, and what has been sent is delivered and published. (Cancelling
// the run's context aborts the run instead, and publishes nothing.)
//
// A source that ends or fails before that does so as without Until. A size that source promises is not
// passed on, because it need not be reached. If done is nil, Until does nothing.
func Until(done <-chan struct{}, source pipeline.Source) pipeline.Source {
	return pipeline.NewSource("until", func(ctx context.Context, out *pipeline.Outlet) error {
		ctx, cancel := context.WithCancelCause(ctx)
		var watcher errgroup.Group
		defer func() {
			cancel(nil)
			_ = watcher.Wait() // its error is always nil
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
	}, source)
}
