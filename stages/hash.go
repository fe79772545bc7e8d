package stages

import (
	"context"
	"errors"
	"hash"

	"github.com/weirflow/weir/pipeline"
)

// Hash passes a stream on and hashes it, with a hash that begin returns for each run. At
// the end of the stream it calls done with the digest; an error of done fails the run
// before anything is published. done is not called if downstream stops before the end, or if the run
// fails. Concurrent runs call both functions concurrently.
//
//   - Emits: each chunk as it comes.
//   - Ends: with the stream.
//   - Fails: with the error of done.
//
// The size of the stream is passed on. The node is called digest.
func Hash(begin func() hash.Hash, done func(sum []byte) error) pipeline.Stage {
	return pipeline.NewStage("digest", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		if begin == nil || done == nil {
			return errors.New("begin or done is nil: want functions")
		}
		h := begin()
		err := relay(ctx, in, out, same, func(c pipeline.Chunk) error {
			if _, err := h.Write(c.Bytes()); err != nil { // hash.Hash never returns one
				c.Release()
				return err
			}
			return out.Send(ctx, c)
		})
		if err != nil {
			return err
		}
		return done(h.Sum(nil))
	})
}
