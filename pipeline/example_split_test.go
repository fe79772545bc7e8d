package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// firstWord passes on what comes before the first space, which need not be in the first chunk.
func firstWord() pipeline.Stage {
	return pipeline.NewStage("first word", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			end := bytes.IndexByte(c.Bytes(), ' ')
			if end < 0 {
				if err := out.Send(ctx, c); err != nil {
					return err
				}
				continue
			}
			word, rest := c.Split(end)
			rest.Release()
			if err := out.Send(ctx, word); err != nil {
				return err
			}
			return pipeline.Enough // upstream is stopped
		}
		return nil
	})
}

// Chunks are owned by one at a time. A part of one is passed on without copying it.
func ExampleChunk_Split() {
	_, err := sources.Bytes([]byte("weir is a dam")).Via(firstWord()).To(sinks.Writer(os.Stdout)).Run(context.Background())
	fmt.Println("", err)
	// Output: weir <nil>
}
