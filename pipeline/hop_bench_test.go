package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// What one hop costs: a chunk from the pool goes through n nodes behind the
// source and is released by the last. The yardsticks carry the same buffers over
// a raw channel of 64, the least that any engine pays, and over io.Pipe, which
// copies. Run with
//
//	go test -run '^$' -bench Hop -count 10 ./pipeline | benchstat -col /by -
//
// and divide ns/hop.
func BenchmarkHop(b *testing.B) {
	for _, size := range []int{64, 4 << 10, 64 << 10, 1 << 20} {
		for nodes := 1; nodes <= 4; nodes++ {
			for _, way := range []struct {
				name string
				run  func(b *testing.B, size, nodes int)
			}{
				{"weir", benchWeir},
				{"channel", benchChannel},
				{"iopipe", benchPipe},
			} {
				b.Run(fmt.Sprintf("size=%d/nodes=%d/by=%s", size, nodes, way.name), func(b *testing.B) {
					b.SetBytes(int64(size))
					b.ReportAllocs()
					way.run(b, size, nodes)
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(nodes), "ns/hop")
				})
			}
		}
	}
}

func benchWeir(b *testing.B, size, nodes int) {
	src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
		for b.Loop() {
			if err := out.Send(ctx, pipeline.NewChunk(size)); err != nil {
				return err
			}
		}
		return nil
	})
	for range nodes - 1 {
		src = src.Via(pipeline.NewStage("pass", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return err
				}
				if err := out.Send(ctx, c); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			c.Release()
		}
		return nil
	})
	p := src.To(sink)
	p.Buffer = 64 * max(size, 4<<10) // as many chunks as the raw channel holds
	if _, err := p.Run(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func benchChannel(b *testing.B, size, nodes int) {
	pool := sync.Pool{New: func() any { return &[]byte{} }}
	get := func() *[]byte {
		p := pool.Get().(*[]byte)
		if cap(*p) < size {
			*p = make([]byte, size)
		}
		return p
	}
	first := make(chan *[]byte, 64)
	last := first
	var wg sync.WaitGroup
	for range nodes - 1 {
		in, out := last, make(chan *[]byte, 64)
		wg.Go(func() {
			defer close(out)
			for p := range in {
				out <- p
			}
		})
		last = out
	}
	wg.Go(func() {
		for p := range last {
			pool.Put(p)
		}
	})
	for b.Loop() {
		first <- get()
	}
	close(first)
	wg.Wait()
}

func benchPipe(b *testing.B, size, nodes int) {
	r, first := io.Pipe()
	var wg sync.WaitGroup
	for range nodes - 1 {
		in, next := r, (*io.PipeWriter)(nil)
		r, next = io.Pipe()
		wg.Go(func() {
			_, err := io.CopyBuffer(next, in, make([]byte, size))
			next.CloseWithError(err)
		})
	}
	wg.Go(func() {
		buf := make([]byte, size)
		for {
			if _, err := r.Read(buf); err != nil {
				return
			}
		}
	})
	buf := make([]byte, size)
	for b.Loop() {
		if _, err := first.Write(buf); err != nil {
			b.Fatal(err)
		}
	}
	_ = first.Close()
	wg.Wait()
}

// What a run costs that moves one chunk: the price of a small file or request.
func BenchmarkRun(b *testing.B) {
	for _, nodes := range []int{1, 3} {
		b.Run(fmt.Sprintf("nodes=%d", nodes), func(b *testing.B) {
			b.ReportAllocs()
			src := emit("x")
			for range nodes - 1 {
				src = src.Via(pass())
			}
			p := src.To(discard())
			for b.Loop() {
				if _, err := p.Run(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
