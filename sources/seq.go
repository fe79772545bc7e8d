package sources

import (
	"context"
	"errors"
	"iter"

	"github.com/weirflow/weir/pipeline"
)

// Seq emits the slices of a sequence, and fails with the first error that it yields; the slice that comes
// with an error is ignored. It copies each slice before it resumes the sequence, which may reuse one
// buffer.
//
// Emits every slice immediately, in a chunk of its own (several, if it is long); a stages.Rechunk helps after
// a sequence of many small ones. When the run ends early, the loop over seq is left at the next slice; a
// sequence that blocks is not interrupted. Every run ranges over seq; whether that is possible more than
// once, or concurrently, depends on seq.
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
