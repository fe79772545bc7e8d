package pipetest_test

import (
	"context"
	"io"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
)

func fromReader(r io.Reader) pipeline.Source {
	return pipeline.NewSource("reader", func(ctx context.Context, out *pipeline.Outlet) error { return out.CopyFrom(ctx, r) })
}

func toWriter(w io.Writer) pipeline.Sink {
	return pipeline.NewSink("writer", func(ctx context.Context, in *pipeline.Inlet) error { return in.CopyTo(ctx, w) })
}

func TestAdapters(t *testing.T) {
	pipetest.NoLeaks(t)
	pipetest.TestReaderSource(t, fromReader)
	pipetest.TestWriterSink(t, toWriter)
}
