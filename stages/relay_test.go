package stages_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
	"os"
	"os/exec"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

// relays are the stages that let chunks pass without touching their bytes, and Map and
// Rechunk at their best.
func relays() map[string]pipeline.Stage {
	return map[string]pipeline.Stage{
		"none":         {},
		"take":         stages.Take(math.MaxInt64),
		"skip":         stages.Skip(1),
		"tap":          stages.Tap(func([]byte) {}),
		"hash":         stages.Hash(func() hash.Hash { return new(nullHash) }, ignore),
		"map":          stages.Map(func(dst, src []byte) ([]byte, error) { return append(dst, src...), nil }),
		"map-longer":   stages.Map(func(dst, src []byte) ([]byte, error) { return hex.AppendEncode(dst, src), nil }),
		"rechunk-up":   stages.Rechunk(100_000),
		"rechunk-down": stages.Rechunk(1000),
		"limit":        stages.Limit(math.MaxInt64),
	}
}

// nullHash costs nothing, so that what is left is the stage.
type nullHash struct{ n int }

func (h *nullHash) Write(b []byte) (int, error) { h.n += len(b); return len(b), nil }
func (h *nullHash) Sum(b []byte) []byte         { return b }
func (h *nullHash) Reset()                      {}
func (h *nullHash) Size() int                   { return 0 }
func (h *nullHash) BlockSize() int              { return 1 }

// chunks is a source of n chunks of size bytes.
func chunks(n, size int) pipeline.Source {
	return pipeline.NewSource("chunks", func(ctx context.Context, out *pipeline.Outlet) error {
		for range n {
			if err := out.Send(ctx, pipeline.NewChunk(size)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Promise 9: a chunk that passes through costs no heap allocation. Poison mode allocates,
// and the race detector makes sync.Pool forget on purpose, so the counting happens in a
// process of its own, in neither mode.
func TestPassingThroughDoesNotAllocate(t *testing.T) {
	if os.Getenv("WEIR_POISON") == "0" {
		for name := range relays() {
			few, many := allocs(name, 1000), allocs(name, 21_000)
			perChunk := (many - few) / 20_000
			t.Logf("%s: %.4f allocations a chunk", name, perChunk)
			if perChunk > 0.01 { // the garbage collector empties pools now and then
				t.Errorf("%s: %.4f allocations a chunk (%v in 1000, %v in 21000)", name, perChunk, few, many)
			}
		}
		return
	}
	if raced() {
		t.Skip("SKIPPED: under the race detector pools forget, so allocations say nothing")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "WEIR_POISON=0")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("take: 0.0")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// allocs returns how many allocations a run of n chunks makes.
func allocs(name string, n int) float64 {
	return testing.AllocsPerRun(5, func() {
		if _, err := chunks(n, 4096).Via(relays()[name]).To(discard()).Run(context.Background()); err != nil {
			panic(err)
		}
	})
}

// What a stage costs a chunk. Yardsticks: the flow without a stage (by=none), and a memmove of as many bytes.
func BenchmarkStage(b *testing.B) {
	const n = 1000
	for _, size := range []int{4 << 10, 64 << 10} {
		for name := range relays() {
			if name == "rechunk-down" && size > 4<<10 {
				continue // 65 chunks for each: another measure
			}
			b.Run(fmt.Sprintf("size=%d/by=%s", size, name), func(b *testing.B) {
				b.SetBytes(n * int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := chunks(n, size).Via(relays()[name]).To(discard()).Run(context.Background()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("size=%d/by=memmove", size), func(b *testing.B) {
			from, to := make([]byte, size), make([]byte, size)
			b.SetBytes(n * int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for range n {
					copy(to, from)
				}
			}
		})
	}
}

// Yardstick: the hash alone.
func BenchmarkHash(b *testing.B) {
	const n, size = 100, 64 << 10
	b.Run("by=weir", func(b *testing.B) {
		b.SetBytes(n * size)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := chunks(n, size).Via(stages.Hash(sha256.New, ignore)).To(discard()).Run(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("by=sha256", func(b *testing.B) {
		block := make([]byte, size)
		b.SetBytes(n * size)
		b.ReportAllocs()
		for b.Loop() {
			h := sha256.New()
			for range n {
				h.Write(block)
			}
			h.Sum(nil)
		}
	})
}
