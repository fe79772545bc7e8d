package cli

import (
	"bytes"
	"context"

	"github.com/weirflow/weir/pipeline"
)

// TextOnly is a stage for what goes to standard output: it fails when the stream is binary and standard output is a
// terminal. It judges by the first chunk. With force, and where standard output is no terminal, it is the zero Stage.
func (c *Console) TextOnly(force bool) pipeline.Stage {
	if !c.Terminal || force {
		return pipeline.Stage{}
	}
	return textOnly()
}

func textOnly() pipeline.Stage {
	return pipeline.NewStage("terminal", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		first := true
		return PassOn(ctx, in, out, func(c pipeline.Chunk) error {
			if first && bytes.IndexByte(c.Bytes(), 0) >= 0 {
				c.Release()
				return Errorf(ExitFailed, "the output is binary, and standard output is a terminal").WithHint("send it to a file, or use -f")
			}
			first = false
			return out.Send(ctx, c)
		})
	})
}

// PassOn calls f, which takes the chunk, for each chunk of a stream that keeps its length.
func PassOn(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet, f func(pipeline.Chunk) error) error {
	first := true
	for c, err := range in.Chunks(ctx) {
		if err != nil {
			return err
		}
		if n, known := in.Size(); known && first {
			out.SetSize(n)
		}
		first = false
		if err := f(c); err != nil {
			return err
		}
	}
	return nil
}
