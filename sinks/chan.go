package sinks

import (
	"bytes"
	"context"
	"errors"

	"github.com/weirflow/weir/pipeline"
)

// Chan sends the stream to ch, as slices that the receiver may keep and write to: they are copies. Where the
// stream is cut has no meaning. It cannot undo what was received.
//
// Chan does not close ch. A closed channel would look like a complete stream also after a failure, and the
// next run needs it open. Who runs the flow closes it when Run has returned, and knows by then how it ended:
//
//	go func() {
//		defer close(ch)
//		_, err = flow.Run(ctx)
//	}()
//
// A receiver that wants no more must keep receiving or cancel the run.
func Chan(ch chan<- []byte) pipeline.Sink {
	return pipeline.NewSink("chan", func(ctx context.Context, in *pipeline.Inlet) error {
		if ch == nil {
			return errors.New("ch is nil: want a channel")
		}
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			b := bytes.Clone(c.Bytes())
			c.Release()
			select {
			case ch <- b:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
}
