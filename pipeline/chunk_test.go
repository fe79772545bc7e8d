package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/pipeline"
)

// panics returns what f panics with, as text; "" if it does not.
func panics(f func()) (said string) {
	defer func() {
		if v := recover(); v != nil {
			said = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

func TestChunkSizes(t *testing.T) {
	for _, n := range []int{0, 1, 4095, 4096, 4097, 16 << 10, 64<<10 + 1, 1 << 20, 1<<20 + 1, 5 << 20} {
		c := pipeline.NewChunk(n)
		if c.Len() != n || len(c.Bytes()) != n || cap(c.Bytes()) != n {
			t.Errorf("NewChunk(%d): %d bytes, capacity %d", n, len(c.Bytes()), cap(c.Bytes()))
		}
		c.Release()
	}
	var zero pipeline.Chunk
	if zero.Len() != 0 || zero.Bytes() != nil || zero.Mutable().Len() != 0 || zero.Retain().Len() != 0 || zero.Slice(0, 0).Len() != 0 {
		t.Error("the zero Chunk is not empty")
	}
	zero.Release()
	if panics(func() { pipeline.NewChunk(-1) }) == "" {
		t.Error("NewChunk(-1) did not panic")
	}
}

func TestChunkSliceAndSplit(t *testing.T) {
	c := chunkOf("abcdef").Slice(1, 5)
	if string(c.Bytes()) != "bcde" || cap(c.Bytes()) != 4 {
		t.Errorf("slice %q, capacity %d", c.Bytes(), cap(c.Bytes()))
	}
	for _, bad := range [][2]int{{-1, 2}, {3, 2}, {0, 5}} {
		if panics(func() { c.Slice(bad[0], bad[1]) }) == "" {
			t.Errorf("Slice(%d, %d) of 4 bytes did not panic", bad[0], bad[1])
		}
	}
	head, tail := c.Split(1)
	if string(head.Bytes()) != "b" || string(tail.Bytes()) != "cde" {
		t.Errorf("split %q, %q", head.Bytes(), tail.Bytes())
	}
	head.Release()
	if string(tail.Bytes()) != "cde" {
		t.Errorf("the tail is %q after the head was released", tail.Bytes())
	}
	none, all := tail.Split(0)
	all, rest := all.Split(3)
	if none.Len() != 0 || rest.Len() != 0 || string(all.Bytes()) != "cde" {
		t.Errorf("%q %q %q", none.Bytes(), all.Bytes(), rest.Bytes())
	}
	if all.Mutable() != all {
		t.Error("a chunk whose other half is gone was copied")
	}
	all.Release()
}

func TestChunkMutable(t *testing.T) {
	c := chunkOf("abc")
	if c.Mutable() != c {
		t.Error("a chunk with one owner was copied")
	}
	shared := c.Retain()
	m := c.Mutable()
	copy(m.Bytes(), "xyz")
	if string(shared.Bytes()) != "abc" {
		t.Errorf("the other owner sees %q", shared.Bytes())
	}
	if shared.Mutable() != shared {
		t.Error("the last owner was given a copy")
	}
	shared.Release()
	m.Release()

	b := []byte("abc")
	a := pipeline.ChunkOf(b)
	m = a.Mutable()
	m.Bytes()[0] = 'x'
	if string(b) != "abc" {
		t.Errorf("adopted bytes were changed to %q", b)
	}
	m.Release()
	a.Release()
	a.Release() // does nothing to an adopted chunk
}

func TestStaleChunk(t *testing.T) {
	c := chunkOf("abc")
	c.Release()
	for name, f := range map[string]func(){
		"Release": c.Release,
		"Retain":  func() { c.Retain() },
		"Split":   func() { c.Split(1) },
		"Bytes":   func() { c.Bytes() },
		"Mutable": func() { c.Mutable() },
	} {
		said := panics(f)
		if !strings.Contains(said, "released already") || strings.Count(said, "chunk_test.go") < 2 {
			t.Errorf("%s of a stale chunk: %q, want both stacks", name, said)
		}
	}
	// Also when the buffer has a new owner by now.
	for range 100 {
		d := chunkOf("new")
		if panics(c.Release) == "" {
			t.Fatal("a stale Release hit the buffer's new owner")
		}
		d.Release()
	}
}

// Poison mode sees the use of a chunk by an owner that has released it, also while another owner has it.
func TestUseByAFormerOwner(t *testing.T) {
	c := chunkOf("abc")
	d := c.Retain()
	c.Release()
	for name, f := range map[string]func(){"Release": c.Release, "Retain": func() { c.Retain() }, "Bytes": func() { c.Bytes() }} {
		if said := panics(f); !strings.HasPrefix(said, "pipeline: "+name+" of a chunk that was released already") {
			t.Errorf("%s: %q", name, said)
		}
	}
	if got := string(d.Bytes()); got != "abc" {
		t.Errorf("the other owner has %q", got)
	}
	d.Release()
}

// Poison mode sees what a node does with a chunk after it has sent it, and names the node; the one that has it now is
// not blamed, and its bytes stay.
func TestUseAfterSend(t *testing.T) {
	for name, use := range map[string]func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet){
		"Send":    func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) { _ = out.Send(ctx, c) },
		"Bytes":   func(_ context.Context, c pipeline.Chunk, _ *pipeline.Outlet) { _ = c.Bytes() },
		"Release": func(_ context.Context, c pipeline.Chunk, _ *pipeline.Outlet) { c.Release() },
		"Retain":  func(_ context.Context, c pipeline.Chunk, _ *pipeline.Outlet) { c.Retain() },
	} {
		bubble(t, func(t *testing.T) {
			culprit := pipeline.NewStage("culprit", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				for c, err := range in.Chunks(ctx) {
					if err != nil {
						return err
					}
					if err := out.Send(ctx, c); err != nil {
						return err
					}
					time.Sleep(time.Second) // the sink has it
					use(ctx, c, out)
				}
				return nil
			})
			var got strings.Builder
			sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
				for c, err := range in.Chunks(ctx) {
					if err != nil {
						return err
					}
					time.Sleep(2 * time.Second)
					got.WriteString(string(c.Bytes()))
					c.Release()
				}
				return nil
			})
			_, err := emit("abc").Via(culprit).To(sink).Run(t.Context())
			var p *pipeline.PanicError
			if !errors.As(err, &p) || p.Node != "culprit" || got.String() != "abc" ||
				!strings.HasPrefix(fmt.Sprint(p.Value), "pipeline: "+name+" of a chunk that node culprit sent already\nsent at\n") || strings.Count(fmt.Sprint(p.Value), "chunk_test.go") < 2 {
				t.Errorf("%s: got %q, error %v", name, got.String(), err)
			}
		})
	}
}

// Poison mode sees a write after Release when the buffer is used again.
func TestWriteAfterRelease(t *testing.T) {
	var kept [][]byte
	said := panics(func() {
		for range 50 { // under the race detector a pool drops some
			c := pipeline.NewChunk(100)
			b := c.Bytes()
			kept = append(kept, b)
			c.Release()
			b[0] = 1
		}
	})
	for _, b := range kept { // leave no trap for other tests
		copy(b, bytes.Repeat([]byte{0xDB}, len(b)))
	}
	if !strings.Contains(said, "written to after its Release") {
		t.Errorf("said %q", said)
	}
}

// Poison mode fails a run that loses chunks.
func TestForgottenRelease(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var kept []pipeline.Chunk
		s := store{}
		forget := pipeline.NewStage("forget", func(ctx context.Context, in *pipeline.Inlet, _ *pipeline.Outlet) error {
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return err
				}
				kept = append(kept, c)
			}
			return nil
		})
		_, err := emit("a", "b").Via(forget).To(s.sink()).Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "2 chunks were sent and never released") {
			t.Errorf("error %v", err)
		}
		if s.published != nil {
			t.Error("published")
		}
		for _, c := range kept {
			c.Release()
		}
	})
}

// Promise 9: what passes through costs no allocation. Poison mode keeps stacks,
// so the count is taken in a process without it.
func TestNoAllocationPerChunk(t *testing.T) {
	if raceEnabled {
		t.Skip("NOT RUN: the race detector makes sync.Pool drop buffers")
	}
	if os.Getenv("WEIR_POISON") != "0" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestNoAllocationPerChunk$")
		cmd.Env = append(os.Environ(), "WEIR_POISON=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	const chunks = 20000
	src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
		for range chunks {
			if err := out.Send(ctx, pipeline.NewChunk(100)); err != nil {
				return err
			}
		}
		return nil
	})
	p := src.Via(pass()).Via(pass()).To(pipeline.Tee(discard(), discard()))
	allocs := testing.AllocsPerRun(3, func() {
		if _, err := p.Run(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if perChunk := allocs / chunks; perChunk > 0.1 { // the run itself and the pool's filling
		t.Errorf("%.2f allocations a chunk", perChunk)
	}
}
