package stages

import (
	"context"
	"fmt"

	"github.com/weirflow/weir/pipeline"
)

// maxRechunk is the largest chunk in bytes, the same as that of Pipeline.ChunkSize.
const maxRechunk = 1 << 30

// Rechunk cuts a stream into chunks of exactly size bytes; the last one may be
// shorter. The bytes do not change.
//
//   - Emits: a chunk when it is complete. The pieces of a chunk longer than size share
//     its memory; shorter ones are copied into a new chunk.
//   - Waits: for size bytes, or the end of the stream.
//   - Ends: with the stream.
//   - Holds: up to size bytes.
//   - Fails: if size is not between 1 byte and 1 GiB.
//
// The size of the stream is passed on.
func Rechunk(size int) pipeline.Stage {
	return pipeline.NewStage("rechunk", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		if size < 1 || size > maxRechunk {
			return fmt.Errorf("size %d: want 1 to %d bytes", size, maxRechunk)
		}
		var part pipeline.Chunk // the chunk being filled; its length is its capacity
		filled := 0
		defer func() { part.Release() }()
		send := func() error {
			c := part.Slice(0, filled)
			part, filled = pipeline.Chunk{}, 0
			return out.Send(ctx, c)
		}
		err := relay(ctx, in, out, same, func(c pipeline.Chunk) error {
			for c.Len() > 0 {
				var head pipeline.Chunk
				if filled == 0 && c.Len() >= size {
					head, c = c.Split(size)
					if err := out.Send(ctx, head); err != nil {
						c.Release()
						return err
					}
					continue
				}
				if filled == 0 {
					part = pipeline.NewChunk(size)
				}
				n := copy(part.Bytes()[filled:], c.Bytes())
				filled += n
				c = c.Slice(n, c.Len())
				if filled < size {
					break
				}
				if err := send(); err != nil {
					c.Release()
					return err
				}
			}
			c.Release()
			return nil
		})
		if err != nil {
			return err
		}
		return send()
	})
}
