package sinks

import (
	"context"
	"io"

	"github.com/weirflow/weir/pipeline"
)

// Discard reads to the end and throws everything away.
func Discard() pipeline.Sink {
	return pipeline.NewSink("discard", func(ctx context.Context, in *pipeline.Inlet) error {
		return in.CopyTo(ctx, io.Discard)
	})
}
