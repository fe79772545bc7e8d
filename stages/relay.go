package stages

import (
	"context"
	"io"

	"github.com/weirflow/weir/pipeline"
)

// relay calls pass for every chunk of in until the end of in, or until pass returns
// an error, which may be pipeline.Enough. pass owns its chunk. If in has a size n,
// relay promises size(n) for out, also for an empty stream; it does so after the first
// Next, which is when the size is known.
func relay(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet, size func(int64) int64, pass func(pipeline.Chunk) error) error {
	c, err := in.Next(ctx)
	if n, known := in.Size(); known && (err == nil || err == io.EOF) {
		out.SetSize(size(n))
	}
	for err == nil {
		if err = pass(c); err == nil {
			c, err = in.Next(ctx)
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// same is the size of a stream that keeps its length.
func same(n int64) int64 { return n }
