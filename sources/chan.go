package sources

import (
	"context"
	"errors"

	"github.com/weirflow/weir/pipeline"
)

// Chan emits the slices that it receives from ch and ends when ch is closed. It adopts them: who sends a
// slice must not write to it afterwards.
//
// A closed channel is a complete stream. A producer that fails must not close it but cancel the run's
// context with its error as the cause; or it is better written as a [Seq], which has errors.
//
// Every run receives from the same channel, as goroutines do that share one: runs at once divide the slices
// among them, and a later run goes on where an earlier one left off. A run that ends early has lost what it
// had received by then.
func Chan(ch <-chan []byte) pipeline.Source {
	return pipeline.NewSource("chan", func(ctx context.Context, out *pipeline.Outlet) error {
		if ch == nil {
			return errors.New("ch is nil: want a channel")
		}
		for {
			if ctx.Err() != nil { // a select may choose ch all the same, and take what it cannot send
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
