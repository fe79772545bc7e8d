package stages_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// noise returns n bytes that do not compress.
func noise(n int, seed uint64) []byte {
	rnd := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// text returns n bytes that compress well.
func text(n int) []byte {
	var b []byte
	for line := 0; len(b) < n; line++ {
		b = fmt.Appendf(b, "%d: a line of text, and its square is %d\n", line, line*line)
	}
	return b[:n]
}

// every returns a cutter that cuts pieces of n bytes.
func every(n int) func() int { return func() int { return n } }

// jitter returns a cutter that cuts pieces of 1 to n bytes.
func jitter(n int, seed uint64) func() int {
	rnd := rand.New(rand.NewPCG(seed, 2))
	return func() int { return 1 + rnd.IntN(n) }
}

// whole does not cut.
func whole() int { return 1 << 30 }

// feed is a source of b in pieces as cut says, for one run.
func feed(b []byte, cut func() int) pipeline.Source {
	return pipeline.NewSource("feed", func(ctx context.Context, out *pipeline.Outlet) error {
		for rest := b; len(rest) > 0; {
			n := min(cut(), len(rest))
			if err := out.Send(ctx, chunkOf(rest[:n])); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
}

// sized is feed with the size promised.
func sized(b []byte, cut func() int) pipeline.Source {
	return pipeline.NewSource("sized", func(ctx context.Context, out *pipeline.Outlet) error {
		out.SetSize(int64(len(b)))
		return feed(b, cut).Run(ctx, out)
	})
}

// endless emits b again and again.
func endless(b []byte) pipeline.Source {
	return pipeline.NewSource("endless", func(ctx context.Context, out *pipeline.Outlet) error {
		for {
			if err := out.Send(ctx, chunkOf(b)); err != nil {
				return err
			}
		}
	})
}

func chunkOf(b []byte) pipeline.Chunk {
	c := pipeline.NewChunk(len(b))
	copy(c.Bytes(), b)
	return c
}

// result is what a sink saw.
type result struct {
	data   []byte
	chunks []int // their lengths
	size   int64 // promised; -1: unknown
	eof    bool
}

func (r *result) sink() pipeline.Sink {
	r.size = -1
	return pipeline.NewSink("result", func(ctx context.Context, in *pipeline.Inlet) error {
		for {
			c, err := in.Next(ctx)
			if n, known := in.Size(); known {
				r.size = n
			}
			switch {
			case err == io.EOF:
				r.eof = true
				return nil
			case err != nil:
				return err
			}
			r.data = append(r.data, c.Bytes()...)
			r.chunks = append(r.chunks, c.Len())
			c.Release()
		}
	})
}

// run runs a flow and returns what came out, on failure too.
func run(ctx context.Context, src pipeline.Source, via ...pipeline.Stage) (*result, error) {
	for _, stage := range via {
		src = src.Via(stage)
	}
	r := new(result)
	_, err := src.To(r.sink()).Run(ctx)
	return r, err
}

// must is run for flows that succeed.
func must(t testing.TB, src pipeline.Source, via ...pipeline.Stage) *result {
	t.Helper()
	r, err := run(context.Background(), src, via...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func equal(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %d bytes %.40q, want %d bytes %.40q", what, len(got), got, len(want), want)
	}
}

// keep is a sink that keeps the chunks themselves until the end of the stream, shows
// them to f and releases them.
func keep(f func([]pipeline.Chunk)) pipeline.Sink {
	return pipeline.NewSink("keep", func(ctx context.Context, in *pipeline.Inlet) error {
		var kept []pipeline.Chunk
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			kept = append(kept, c)
		}
		f(kept)
		for _, c := range kept {
			c.Release()
		}
		return nil
	})
}

// raced reports whether the race detector is at work.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
