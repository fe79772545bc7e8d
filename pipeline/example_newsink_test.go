package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sources"
)

// page is a sink that hands the whole stream to publish, but only when the whole run has succeeded.
func page(publish func([]byte)) pipeline.Sink {
	return pipeline.NewSink("page", func(ctx context.Context, in *pipeline.Inlet) error {
		var b bytes.Buffer
		in.AtEnd(func(_ context.Context, failed error) error {
			if failed == nil {
				publish(b.Bytes())
			}
			return nil
		})
		return in.CopyTo(ctx, &b)
	})
}

// A sink of one's own, whose result counts only when the whole run has succeeded.
func ExampleNewSink() {
	sink := page(func(b []byte) { fmt.Printf("published: %q\n", b) })
	broken := pipeline.NewSource("broken", func(context.Context, *pipeline.Outlet) error { return errors.New("the disk is gone") })
	_, err := pipeline.Concat(sources.Bytes([]byte("half of")), broken).To(sink).Run(context.Background())
	fmt.Println(err)
	_, err = sources.Bytes([]byte("all of it")).To(sink).Run(context.Background())
	fmt.Println(err)
	// Output:
	// broken: the disk is gone
	// published: "all of it"
	// <nil>
}
