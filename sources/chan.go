package sources

import (
	"context"
	"errors"

	"github.com/weirflow/weir/pipeline"
)

// Chan emits the slices that it receives from ch and ends when ch is closed. The slices belong to the
// stream: the sender must not write to one after sending it.
//
// A closed channel is a complete stream. A producer that fails must not close it, but cancel the run's
// context with its error as the cause; a [Seq], which has errors, is often better.
//
// Every run receives from the same channel: concurrent runs divide the slices among them, and a later run
// continues where an earlier one stopped. What a run that ends early has received is lost.
func Chan(ch <-chan []byte) pipeline.Source {
	return pipeline.NewSource("chan", func(ctx context.Context, out *pipeline.Outlet) error {
		if ch == nil {
			return errors.New("ch is nil: want a channel")
		}
		for {
			if ctx.Err() != nil { // the select could choose ch, and receive what can no longer be sent
				return context.Cause(ctx)
			}
			select {
			case b, open := <-ch:
				if !open {
					return nil
				}
				if err := out.Send(ctx, pipeline.ChunkOf(b)); err != nil {
					return err
				}
			case <-ctx.Done():
			}
		}
	})
}
