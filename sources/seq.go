package sources

import (
	"context"
	"errors"
	"iter"

	"github.com/weirflow/weir/pipeline"
)

// Seq emits the slices of a sequence, and fails with the first error that it yields; the slice that comes
// with an error is ignored. It copies each slice before it asks for the next, so the sequence may use one
// buffer again and again.
//
// Emits every slice at once, in a chunk of its own (several, if it is long); put a stages.Rechunk behind a
// sequence of many small ones. Stops the sequence by breaking out of the loop over it. A sequence that blocks
// is not interrupted. Every run ranges over seq anew; whether that can be done twice, or at once, is up to
// seq.
func Seq(seq iter.Seq2[[]byte, error]) pipeline.Source {
	return pipeline.NewSource("seq", func(ctx context.Context, out *pipeline.Outlet) error {
		if seq == nil {
			return errors.New("seq is nil: want a sequence")
		}
		for b, err := range seq {
			if err != nil {
				return err
			}
			if err := send(ctx, out, b); err != nil {
				return err
			}
		}
		return nil
	})
}

// send sends a copy of b.
func send(ctx context.Context, out *pipeline.Outlet, b []byte) error {
	for {
		c := pipeline.NewChunk(min(piece, len(b)))
		b = b[copy(c.Bytes(), b):]
		if err := out.Send(ctx, c); err != nil || len(b) == 0 {
			return err
		}
	}
}
