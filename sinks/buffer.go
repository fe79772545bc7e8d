package sinks

import (
	"bytes"
	"context"
	"errors"

	"github.com/weirflow/weir/pipeline"
)

// Buffer appends the stream to b as it comes. It cannot undo: after a failed run, b holds the part that had
// arrived. b may not be used by anybody else during a run, so runs at once need a buffer each. Holds the
// whole stream in memory.
func Buffer(b *bytes.Buffer) pipeline.Sink {
	return pipeline.NewSink("buffer", func(ctx context.Context, in *pipeline.Inlet) error {
		if b == nil {
			return errors.New("b is nil: want a *bytes.Buffer")
		}
		return in.CopyTo(ctx, b)
	})
}
