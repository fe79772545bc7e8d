package stages

import (
	"context"
	"errors"
	"hash"
	"sync/atomic"

	"github.com/weirflow/weir/pipeline"
)

// Digest passes a stream on and writes it to h on the way. h belongs to the flow
// until Run has returned; then h.Sum has the digest, if Run succeeded. It is that of
// the whole stream only if downstream took all of it. What was written to h before
// counts too.
//
// The stage is single-use, because it is around one h: a second run fails with
// [pipeline.ErrSingleUse], also after a failed one. A stage that makes a hash for
// each run is a [pipeline.NewStage] of ten lines.
//
//   - Emits: each chunk as it comes.
//   - Ends: with the stream.
//   - Fails: if h is nil, and when it is run again.
//
// The size of the stream is passed on.
func Digest(h hash.Hash) pipeline.Stage {
	used := new(atomic.Bool)
	return pipeline.NewStage("digest", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		if h == nil {
			return errors.New("h is nil: want a hash")
		}
		if used.Swap(true) {
			return pipeline.ErrSingleUse
		}
		return relay(ctx, in, out, same, func(c pipeline.Chunk) error {
			if _, err := h.Write(c.Bytes()); err != nil { // never, says hash.Hash
				c.Release()
				return err
			}
			return out.Send(ctx, c)
		})
	})
}
