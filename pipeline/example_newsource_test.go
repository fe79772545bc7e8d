package pipeline_test

import (
	"context"
	"fmt"
	"os"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
)

// squares emits the first n square numbers, one a line. What goes through a Writer is packed into chunks.
func squares(n int) pipeline.Source {
	return pipeline.NewSource("squares", func(ctx context.Context, out *pipeline.Outlet) error {
		w := out.Writer(ctx)
		for i := range n {
			if _, err := fmt.Fprintln(w, i*i); err != nil {
				return err
			}
		}
		return w.Flush()
	})
}

// A source of one's own.
func ExampleNewSource() {
	_, err := squares(4).To(sinks.Writer(os.Stdout)).Run(context.Background())
	fmt.Println(err)
	// Output:
	// 0
	// 1
	// 4
	// 9
	// <nil>
}
