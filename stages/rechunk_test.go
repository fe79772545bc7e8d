package stages_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

// exact reports how chunks of a stream of n bytes differ from an exact cut.
func exact(chunks []int, n, size int) error {
	for i, got := range chunks {
		if want := min(size, n-i*size); got != want {
			return fmt.Errorf("chunk %d has %d bytes, want %d", i, got, want)
		}
	}
	if want := (n + size - 1) / size; len(chunks) != want {
		return fmt.Errorf("%d chunks, want %d", len(chunks), want)
	}
	return nil
}

func TestRechunk(t *testing.T) {
	for _, n := range []int{0, 1, 99, 100, 101, 1000, 100_000} {
		in := noise(n, 1)
		for _, size := range []int{1, 99, 100, 101, 4096, 50_000, 2_000_000} {
			if n > 50*size*100 {
				continue
			}
			for _, cut := range []func() int{whole, every(100), every(1 + n/3), jitter(5000, 1)} {
				r := must(t, sized(in, cut), stages.Rechunk(size))
				name := fmt.Sprintf("%d bytes to %d", n, size)
				equal(t, name, r.data, in)
				if err := exact(r.chunks, n, size); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if r.size != int64(n) {
					t.Errorf("%s: promised %d", name, r.size)
				}
			}
		}
	}
}

func TestRechunkKeepsContent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOf(rapid.Byte()).Draw(t, "in")
		size := rapid.IntRange(1, 100).Draw(t, "size")
		again := rapid.IntRange(1, 100).Draw(t, "again")
		cut := jitter(1+len(in), rapid.Uint64().Draw(t, "seed"))
		r, err := run(context.Background(), feed(in, cut), stages.Rechunk(size), stages.Rechunk(again))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r.data, in) {
			t.Fatalf("got %d bytes, want %d", len(r.data), len(in))
		}
		if err := exact(r.chunks, len(in), again); err != nil {
			t.Fatal(err)
		}
	})
}

// The pieces of a chunk share its memory and live on their own.
func TestRechunkDoesNotCopy(t *testing.T) {
	in := noise(10_000, 1)
	source := pipeline.NewSource("one", func(ctx context.Context, out *pipeline.Outlet) error {
		return out.Send(ctx, pipeline.ChunkOf(in))
	})
	sink := keep(func(kept []pipeline.Chunk) {
		for i, c := range kept {
			if &c.Bytes()[0] != &in[i*1000] {
				t.Errorf("chunk %d is a copy", i)
			}
		}
	})
	if _, err := source.Via(stages.Rechunk(1000)).To(sink).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A complete chunk leaves at once.
func TestRechunkDoesNotHoldCompleteChunks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := must(t, trickle(make(chan []byte), []byte("abcd")), stages.Rechunk(2), stages.Take(4))
		equal(t, "output", r.data, []byte("abcd"))
	})
}

func TestRechunkBadSize(t *testing.T) {
	for _, size := range []int{-1, 0, 1<<30 + 1} {
		want := fmt.Sprintf("rechunk: size %d: want 1 to 1073741824 bytes", size)
		if _, err := run(t.Context(), feed([]byte("x"), whole), stages.Rechunk(size)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
