package stages

import (
	"context"
	"fmt"

	"github.com/weirflow/weir/pipeline"
)

// Take passes on the first bytes of a stream, exactly as many as given, and then
// stops everything upstream.
//
//   - Emits: each chunk as it comes, without copying it; the last one is narrowed.
//   - Ends: after the last of these bytes, without waiting for the end of the stream,
//     so what follows, such as a checksum, is not read. A shorter stream
//     is not an error. Take(0) reads nothing.
//   - Fails: if bytes is negative.
//
// If the size of the stream is known, so is that of the output.
func Take(bytes int64) pipeline.Stage {
	return pipeline.NewStage("take", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		switch {
		case bytes < 0:
			return fmt.Errorf("bytes %d: want 0 or more", bytes)
		case bytes == 0:
			out.SetSize(0)
			return pipeline.Enough
		}
		left := bytes
		size := func(n int64) int64 { return min(n, bytes) }
		return relay(ctx, in, out, size, func(c pipeline.Chunk) error {
			if int64(c.Len()) > left {
				c = c.Slice(0, int(left))
			}
			left -= int64(c.Len())
			if err := out.Send(ctx, c); err != nil {
				return err
			}
			if left == 0 {
				return pipeline.Enough
			}
			return nil
		})
	})
}
