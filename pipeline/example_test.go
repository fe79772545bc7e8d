package pipeline_test

import (
	"bufio"
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

// A record is published in a last step: when the whole run has succeeded, and not when only this node has.
func ExampleInlet_AtEnd() {
	counted := pipeline.NewSink("count", func(ctx context.Context, in *pipeline.Inlet) error {
		var n int
		in.AtEnd(func(_ context.Context, failed error) error {
			if failed != nil {
				fmt.Println("undone:", failed)
				return nil
			}
			fmt.Println("published:", n, "bytes")
			return nil
		})
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			n += c.Len()
			c.Release()
		}
		return nil
	})
	full := pipeline.NewSink("disk", func(context.Context, *pipeline.Inlet) error { return fmt.Errorf("full") })

	src := sources.Bytes([]byte("hello"))
	_, err := src.To(counted).Run(context.Background())
	fmt.Println(err)
	_, err = src.To(pipeline.Tee(counted, full)).Run(context.Background())
	fmt.Println(err)
	// Output:
	// published: 5 bytes
	// <nil>
	// undone: disk: full
	// disk: full
}

// A stage inside a stage: what begins like gzip is decompressed, anything else passes as it is.
func ExampleStage_Run() {
	plain := pipeline.NewStage("plain", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		head := bufio.NewReader(in.Reader(ctx))
		magic, err := head.Peek(2)
		if err != nil && err != io.EOF {
			return err
		}
		// What the reader has read ahead comes first, then the rest of the stream.
		all := pipeline.NewSource("all", func(ctx context.Context, out *pipeline.Outlet) error {
			return out.CopyFrom(ctx, head)
		})
		if string(magic) == "\x1f\x8b" {
			all = all.Via(stages.Gunzip())
		}
		return all.Run(ctx, out)
	})
	for _, src := range []pipeline.Source{sources.Bytes([]byte("plain\n")), sources.Bytes([]byte("compressed\n")).Via(stages.Gzip(6))} {
		if _, err := src.Via(plain).To(sinks.Writer(os.Stdout)).Run(context.Background()); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// plain
	// compressed
}

// Lines of any length up to 1 MiB, without a buffer and without copies. A longer one is an error.
func ExampleInlet_Lines() {
	warnings := pipeline.NewStage("warnings", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		w := out.Writer(ctx)
		for line, err := range in.Lines(ctx) {
			if err != nil {
				return err
			}
			if bytes.HasPrefix(line, []byte("WARN ")) {
				if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
					return err
				}
			}
		}
		return w.Flush()
	})
	log := "INFO started\nWARN disk 91% full\nINFO done\nWARN no backup"
	_, err := sources.Bytes([]byte(log)).Via(warnings).To(sinks.Writer(os.Stdout)).Run(context.Background())
	fmt.Println(err)
	// Output:
	// WARN disk 91% full
	// WARN no backup
	// <nil>
}
