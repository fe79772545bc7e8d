package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/draw"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
)

// A custom stage is one function. This one turns text into capitals; it owns the chunks
// that it gets and asks for one that it may write to.
func ExampleNewStage() {
	upper := pipeline.NewStage("upper", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			c = c.Mutable()
			copy(c.Bytes(), bytes.ToUpper(c.Bytes()))
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	_, err := sources.Bytes([]byte("backpressure\n")).Via(upper).To(sinks.Writer(os.Stdout)).Run(context.Background())
	fmt.Println(err)
	// Output:
	// BACKPRESSURE
	// <nil>
}

// Two files from one pass over the source: both appear, or neither does.
func ExampleTee() {
	var plain, packed bytes.Buffer
	p := sources.Bytes([]byte(strings.Repeat("weir ", 1000))).To(pipeline.Tee(
		sinks.Buffer(&plain),
		stages.Gzip(9).To(sinks.Buffer(&packed)),
	))
	fmt.Println(draw.Text(p.Describe()))
	_, err := p.Run(context.Background())
	fmt.Println(plain.Len(), packed.Len() < 100, err)
	// Output:
	// bytes → tee
	// ├ buffer
	// └ gzip → buffer
	// 5000 true <nil>
}

// A flow for code that wants a reader: EOF comes only after the whole flow has succeeded.
func ExampleSource_Reader() {
	r := sources.Bytes([]byte("hello, reader")).Via(stages.Gzip(6)).Via(stages.Gunzip()).Reader(context.Background())
	defer r.Close()
	b, err := io.ReadAll(r)
	fmt.Printf("%s %v\n", b, err)
	// Output: hello, reader <nil>
}

// Watching a run from outside.
func ExampleRun_Snapshot() {
	p := sources.Bytes(make([]byte, 1<<20)).To(sinks.Discard())
	run, err := p.Start(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	// Here, or from any goroutine, run.Snapshot shows how far it has come.
	if _, err := run.Wait(); err != nil {
		fmt.Println(err)
	}
	s := run.Snapshot()
	fmt.Println(s.Nodes[0].Name, s.Nodes[0].Out, "->", s.Nodes[1].Name, s.Nodes[1].In)
	// Output: bytes 1048576 -> discard 1048576
}
