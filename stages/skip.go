package stages

import (
	"context"
	"fmt"

	"github.com/weirflow/weir/pipeline"
)

// Skip drops the first bytes of a stream, exactly as many as given, and passes on
// the rest.
//
//   - Emits: each chunk as it comes, without copying it; the first one is narrowed.
//   - Ends: with the stream. A shorter stream is not an error: the output is empty.
//   - Fails: if bytes is negative.
//
// If the size of the stream is known, so is that of the output.
func Skip(bytes int64) pipeline.Stage {
	return pipeline.NewStage("skip", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		if bytes < 0 {
			return fmt.Errorf("bytes %d: want 0 or more", bytes)
		}
		left := bytes
		size := func(n int64) int64 { return max(n-bytes, 0) }
		return relay(ctx, in, out, size, func(c pipeline.Chunk) error {
			n := int(min(left, int64(c.Len())))
			left -= int64(n)
			return out.Send(ctx, c.Slice(n, c.Len()))
		})
	})
}
