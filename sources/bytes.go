package sources

import (
	"context"

	"github.com/weirflow/weir/pipeline"
)

// piece is the largest chunk, in bytes, that a source makes of data in memory: large enough to be
// worth a hop, and small enough for the nodes downstream to work concurrently.
const piece = 256 << 10

// Bytes emits b without copying it: b must not change during a run of the source. It promises its size.
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
