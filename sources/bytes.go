package sources

import (
	"context"

	"github.com/weirflow/weir/pipeline"
)

// piece is how much of what is in memory already goes into one chunk, in bytes: enough to be
// worth a hop, and small enough for the nodes behind to work side by side.
const piece = 256 << 10

// Bytes emits b, without copying it: nobody may write to b any more while a run of the source is under way.
// It promises its size.
func Bytes(b []byte) pipeline.Source {
	return pipeline.NewSource("bytes", func(ctx context.Context, out *pipeline.Outlet) error {
		out.SetSize(int64(len(b)))
		for rest := b; len(rest) > 0; {
			n := min(piece, len(rest))
			if err := out.Send(ctx, pipeline.ChunkOf(rest[:n:n])); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
}
