package stages

import (
	"context"
	"errors"

	"github.com/weirflow/weir/pipeline"
)

// Tap shows f every chunk and passes it on. f may look at the bytes and must neither
// change nor keep them. It is called before the chunk is sent, by one goroutine of
// each run, so a description that runs more than once at a time calls f at the same
// time; where the chunks are cut is not for f to rely on.
//
//   - Emits: each chunk as it comes, as soon as f has returned.
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
