package pipeline_test

import (
	"context"
	"fmt"
	"os"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// upper turns ASCII letters into capitals. It owns the chunks that it gets and asks for one that it may write to. It works
// byte by byte, because a chunk may end in the middle of a character: bytes.ToUpper would be wrong here.
func upper() pipeline.Stage {
	return pipeline.NewStage("upper", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			c = c.Mutable()
			for i, b := range c.Bytes() {
				if 'a' <= b && b <= 'z' {
					c.Bytes()[i] = b - 'a' + 'A'
				}
			}
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// A custom stage is one function.
func ExampleNewStage() {
	_, err := sources.Bytes([]byte("backpressure\n")).Via(upper()).To(sinks.Writer(os.Stdout)).Run(context.Background())
	fmt.Println(err)
	// Output:
	// BACKPRESSURE
	// <nil>
}
