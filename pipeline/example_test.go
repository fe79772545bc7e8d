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

// A source of one's own. What goes through a Writer is packed into chunks.
func ExampleNewSource() {
	squares := pipeline.NewSource("squares", func(ctx context.Context, out *pipeline.Outlet) error {
		w := out.Writer(ctx)
		for i := range 4 {
			if _, err := fmt.Fprintln(w, i*i); err != nil {
				return err
			}
		}
		return w.Flush()
	})
	_, err := squares.To(sinks.Writer(os.Stdout)).Run(context.Background())
	fmt.Println(err)
	// Output:
	// 0
	// 1
	// 4
	// 9
	// <nil>
}

// A sink of one's own, whose result counts only when the whole run has succeeded.
func ExampleNewSink() {
	var published string
	sink := pipeline.NewSink("text", func(ctx context.Context, in *pipeline.Inlet) error {
		var b strings.Builder
		in.AtEnd(func(_ context.Context, failed error) error {
			if failed == nil {
				published = b.String()
			}
			return nil
		})
		return in.CopyTo(ctx, &b)
	})
	broken := pipeline.NewSource("broken", func(context.Context, *pipeline.Outlet) error { return io.ErrUnexpectedEOF })
	_, err := pipeline.Concat(sources.Bytes([]byte("half of")), broken).To(sink).Run(context.Background())
	fmt.Printf("%q %v\n", published, err)
	_, err = sources.Bytes([]byte("all of it")).To(sink).Run(context.Background())
	fmt.Printf("%q %v\n", published, err)
	// Output:
	// "" broken: unexpected EOF
	// "all of it" <nil>
}

// One stream after the other.
func ExampleConcat() {
	p := pipeline.Concat(
		sources.Bytes([]byte("header\n")),
		sources.Bytes([]byte("body\n")),
	).To(sinks.Writer(os.Stdout))
	_, err := p.Run(context.Background())
	fmt.Println(err)
	// Output:
	// header
	// body
	// <nil>
}

// Chunks as they come: whichever source has one does not wait for the other.
func ExampleMerge() {
	var all bytes.Buffer
	_, err := pipeline.Merge(
		sources.Bytes(bytes.Repeat([]byte("a"), 1000)),
		sources.Bytes(bytes.Repeat([]byte("b"), 1000)),
	).To(sinks.Buffer(&all)).Run(context.Background())
	fmt.Println(bytes.Count(all.Bytes(), []byte("a")), bytes.Count(all.Bytes(), []byte("b")), err)
	// Output: 1000 1000 <nil>
}

// A branch that may fail, and the report that says so.
func ExampleBestEffort() {
	full := pipeline.NewSink("mirror", func(context.Context, *pipeline.Inlet) error { return fmt.Errorf("disk full") })
	report, err := sources.Bytes([]byte("kept\n")).To(pipeline.Tee(
		sinks.Writer(os.Stdout),
		pipeline.BestEffort(full),
	)).Run(context.Background())
	fmt.Println(err, report.Detached)
	// Output:
	// kept
	// <nil> [mirror: disk full]
}

// A branch that nobody waits for misses chunks while it stands still.
func ExampleLossy() {
	ended := make(chan struct{})
	monitor := pipeline.NewSink("monitor", func(ctx context.Context, in *pipeline.Inlet) error {
		<-ended // it looks only now
		return in.CopyTo(ctx, io.Discard)
	})
	source := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
		defer close(ended)
		for range 100 {
			if err := out.Send(ctx, pipeline.NewChunk(4<<10)); err != nil {
				return err
			}
		}
		return nil
	})
	report, err := source.To(pipeline.Tee(sinks.Discard(), pipeline.Lossy(monitor, 64<<10))).Run(context.Background())
	for _, c := range report.Channels {
		if c.Lossy {
			fmt.Println("missed:", c.Missed > 0, "of them all:", c.Missed+c.Chunks == 100, err)
		}
	}
	// Output: missed: true of them all: true <nil>
}

// Chunks are owned by one at a time. A part of one is passed on without copying it.
func ExampleChunk_Split() {
	first := pipeline.NewStage("first word", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		c, err := in.Next(ctx)
		if err != nil {
			return err
		}
		word, rest := c.Split(bytes.IndexByte(c.Bytes(), ' '))
		rest.Release()
		if err := out.Send(ctx, word); err != nil {
			return err
		}
		return pipeline.Enough // upstream is stopped
	})
	_, err := sources.Bytes([]byte("weir is a dam")).Via(first).To(sinks.Writer(os.Stdout)).Run(context.Background())
	fmt.Println("", err)
	// Output: weir <nil>
}
