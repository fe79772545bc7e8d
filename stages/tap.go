package stages

import (
	"context"
	"errors"

	"github.com/weirflow/weir/pipeline"
)

// Tap calls f with the bytes of every chunk and passes the chunk on. f must neither
// change nor retain them. It is called before the chunk is sent, by one goroutine of
// each run, so concurrent runs of one description call f concurrently; f must not depend
// on chunk boundaries.
//
//   - Emits: each chunk, as soon as f has returned.
//   - Ends: with the stream.
//   - Fails: if f is nil. A panic in f is a *pipeline.PanicError.
//
// The size of the stream is passed on.
func Tap(f func([]byte)) pipeline.Stage {
	return pipeline.NewStage("tap", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		if f == nil {
			return errors.New("f is nil: want a function")
		}
		return relay(ctx, in, out, same, func(c pipeline.Chunk) error {
			f(c.Bytes())
			return out.Send(ctx, c)
		})
	})
}
