package stages_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"os/exec"
	"testing"
	"testing/synctest"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

// std compresses with compress/gzip.
func std(t testing.TB, b []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	zw := gzip.NewWriter(&z)
	if _, err := zw.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

// unstd decompresses with compress/gzip.
func unstd(t testing.TB, z []byte) []byte {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(z))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGzipEveryLevelAndSize(t *testing.T) {
	for level := gzip.HuffmanOnly; level <= gzip.BestCompression; level++ {
		for _, n := range []int{0, 1, 16<<10 - 1, 16 << 10, 16<<10 + 1, 32<<10 - 1, 32 << 10, 32<<10 + 1, 300_000} {
			in := text(n)
			z := must(t, feed(in, every(10_000)), stages.Gzip(level))
			equal(t, fmt.Sprintf("level %d, %d bytes", level, n), unstd(t, z.data), in)
		}
	}
}

func TestGzipBadLevel(t *testing.T) {
	for _, level := range []int{-3, 10, 99} {
		r, err := run(t.Context(), feed([]byte("x"), whole), stages.Gzip(level))
		want := fmt.Sprintf("gzip: invalid compression level: %d: want 0 to 9, -1 (default) or -2 (Huffman only)", level)
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if len(r.data) > 0 {
			t.Errorf("level %d: %d bytes came out", level, len(r.data))
		}
	}
}

// S54
func TestGzipEmpty(t *testing.T) {
	z := must(t, feed(nil, whole), stages.Gzip(6))
	equal(t, "by compress/gzip", unstd(t, z.data), nil)
	if back := must(t, feed(z.data, whole), stages.Gunzip()); len(back.data) > 0 || !back.eof {
		t.Errorf("got %q, EOF %v", back.data, back.eof)
	}
}

// S53
func TestGzipRandomBytesThereAndBack(t *testing.T) {
	n := int64(256 << 20)
	if testing.Short() || raced() {
		n = 16 << 20 // the whole takes a minute under the race detector, and shows nothing more
	}
	block := noise(1<<20, 53)
	there, back := sha256.New(), sha256.New()
	cut, recut := jitter(300_000, 1), jitter(100_000, 2)
	source := pipeline.NewSource("random", func(ctx context.Context, out *pipeline.Outlet) error {
		for left := n; left > 0; {
			m := int(min(int64(cut()), left))
			block[left%int64(len(block))]++ // no two blocks are the same
			if err := out.Send(ctx, chunkOf(block[:m])); err != nil {
				return err
			}
			left -= int64(m)
		}
		return nil
	})
	again := pipeline.NewStage("recut", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			for c.Len() > 0 {
				var head pipeline.Chunk
				head, c = c.Split(min(recut(), c.Len()))
				if err := out.Send(ctx, head); err != nil {
					c.Release()
					return err
				}
			}
		}
		return nil
	})
	sink := pipeline.NewSink("hash", func(ctx context.Context, in *pipeline.Inlet) error { return in.CopyTo(ctx, back) })
	flow := source.Via(stages.Hash(func() hash.Hash { return there }, ignore)).Via(stages.Gzip(1)).Via(again).Via(stages.Gunzip()).To(sink)
	if _, err := flow.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(there.Sum(nil), back.Sum(nil)) {
		t.Errorf("%d bytes did not survive", n)
	}
}

// compress/gzip itself is not cut-proof: with this input its output depends on the
// lengths of the Writes.
func TestGzipOutputDoesNotDependOnCuts(t *testing.T) {
	var in []byte
	rnd := rand.New(rand.NewPCG(2, 116))
	base := make([]byte, 32768-rnd.IntN(262))
	for i := range base {
		base[i] = byte(rnd.Uint32())
	}
	for len(in) < 140_000 {
		in = append(in, base...)
		for range rnd.IntN(3) {
			in = append(in, byte(rnd.Uint32()))
		}
	}
	for level := gzip.HuffmanOnly; level <= gzip.BestCompression; level++ {
		want := must(t, feed(in, whole), stages.Gzip(level)).data
		for name, cut := range map[string]func() int{"100": every(100), "1000": every(1000), "64 KiB": every(64 << 10), "jitter": jitter(70_000, 1)} {
			equal(t, fmt.Sprintf("level %d, cut %s", level, name), must(t, feed(in, cut), stages.Gzip(level)).data, want)
		}
	}
}

// An encoder and a decoder are used again after a run that was cut off at any point of it.
func TestGzipReuseAfterFailure(t *testing.T) {
	in := append(text(100_000), noise(100_000, 1)...)
	boom := errors.New("boom")
	failing := func(b []byte) pipeline.Source {
		return pipeline.NewSource("failing", func(ctx context.Context, out *pipeline.Outlet) error {
			if err := feed(b, every(7000)).Run(ctx, out); err != nil {
				return err
			}
			return boom
		})
	}
	for _, level := range []int{-2, 0, 1, 6, 9} {
		want := must(t, feed(in, whole), stages.Gzip(level)).data
		for _, n := range []int{0, 1, 40_000, 110_000, len(in)} {
			if _, err := run(t.Context(), failing(in[:n]), stages.Gzip(level)); !errors.Is(err, boom) {
				t.Fatal(err)
			}
			must(t, feed(in[n/2:], whole), stages.Gzip(level), stages.Take(20)) // stopped
			equal(t, fmt.Sprintf("level %d after %d bytes", level, n), must(t, feed(in, whole), stages.Gzip(level)).data, want)
		}
	}
	z := std(t, in)
	for _, n := range []int{0, 1, 5, 12, 1000, len(z) - 1, len(z)} {
		if _, err := run(t.Context(), failing(z[:n]), stages.Gunzip()); !errors.Is(err, boom) {
			t.Fatal(err)
		}
		must(t, feed(z, whole), stages.Gunzip(), stages.Take(20))
		equal(t, fmt.Sprintf("gunzip after %d bytes", n), must(t, feed(z, every(999)), stages.Gunzip()).data, in)
	}
}

// S24
func TestGzipHundredAtOnce(t *testing.T) {
	in := text(200_000)
	gz, gunz := stages.Gzip(6), stages.Gunzip()
	want := must(t, feed(in, whole), gz).data
	var g errgroup.Group
	for i := range 100 {
		g.Go(func() error {
			n := len(in) * (i%10 + 1) / 10
			r, err := run(t.Context(), feed(in[:n], jitter(5000, uint64(i))), gz, gunz)
			if err == nil && !bytes.Equal(r.data, in[:n]) {
				err = fmt.Errorf("run %d: %d bytes are not the same", i, n)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	equal(t, "afterwards", must(t, feed(in, whole), gz).data, want)
}

// S58: what gzip has at the end arrives before EOF does.
func TestGzipEmitsItsEndBeforeEOF(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := must(t, feed([]byte("short"), whole), stages.Gzip(6))
		if !r.eof || len(r.chunks) != 1 {
			t.Errorf("EOF %v after chunks of %v bytes", r.eof, r.chunks)
		}
		equal(t, "output", unstd(t, r.data), []byte("short"))
	})
}

func TestGzipThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOfN(rapid.Byte(), 0, 500).Draw(t, "in")
		in = bytes.Repeat(in, rapid.IntRange(1, 300).Draw(t, "times"))
		level := rapid.IntRange(-2, 9).Draw(t, "level")
		most := rapid.SampledFrom([]int{1, 10, 5000, 100_000}).Draw(t, "most")
		if most == 1 && len(in) > 2000 {
			in = in[:2000]
		}
		cut := jitter(most, rapid.Uint64().Draw(t, "seed"))
		z, err := run(context.Background(), feed(in, cut), stages.Gzip(level))
		if err != nil {
			t.Fatal(err)
		}
		back, err := run(context.Background(), feed(z.data, cut), stages.Gunzip())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(back.data, in) {
			t.Fatalf("%d bytes came back as %d", len(in), len(back.data))
		}
	})
}

// program runs gzip or its like on b, and skips the test where there is none.
func program(t *testing.T, b []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testenv.Program(t, name, "gzip"), args...)
	cmd.Stdin = bytes.NewReader(b)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, &stderr)
	}
	return out
}

// fails is the error of a program that is given b.
func fails(t *testing.T, b []byte, path string, args ...string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = bytes.NewReader(b)
	return cmd.Run()
}

func TestGzipProgramReadsOurs(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 3_000_000} {
		in := append(text(n/2), noise(n-n/2, 3)...)
		for _, level := range []int{-2, -1, 0, 1, 9} {
			z := must(t, feed(in, jitter(50_000, 4)), stages.Gzip(level)).data
			program(t, z, "gunzip", "-t")
			equal(t, "gunzip", program(t, z, "gunzip", "-c"), in)
		}
	}
}

func TestGunzipReadsTheProgram(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 3_000_000} {
		in := append(text(n/2), noise(n-n/2, 3)...)
		for _, level := range []string{"-1", "-6", "-9"} {
			z := program(t, in, "gzip", "-c", level)
			equal(t, "gunzip", must(t, feed(z, jitter(50_000, 4)), stages.Gunzip()).data, in)
		}
	}
	// What `cat a.gz b.gz` makes: the programs', and ours.
	a, b := text(70_000), noise(70_000, 5)
	za, zb := program(t, a, "gzip", "-c"), must(t, feed(b, whole), stages.Gzip(6)).data
	cat := append(bytes.Clone(za), zb...)
	both := append(bytes.Clone(a), b...)
	equal(t, "ours", must(t, feed(cat, jitter(9000, 6)), stages.Gunzip()).data, both)
	equal(t, "the program's", program(t, cat, "gunzip", "-c"), both)
}

// Yardstick: compress/gzip alone, on the same blocks, with an encoder that is used again, and one that is not.
func BenchmarkGzip(b *testing.B) {
	for _, n := range []int{1 << 10, 64 << 10, 4 << 20} {
		in := text(n)
		for _, level := range []int{1, 6} {
			bench := func(by string, f func()) {
				b.Run(fmt.Sprintf("size=%d/level=%d/by=%s", n, level, by), func(b *testing.B) {
					b.SetBytes(int64(n))
					b.ReportAllocs()
					for b.Loop() {
						f()
					}
				})
			}
			flow := feed(in, every(64<<10)).Via(stages.Gzip(level)).To(discard())
			bench("weir", func() {
				if _, err := flow.Run(context.Background()); err != nil {
					b.Fatal(err)
				}
			})
			zw, _ := gzip.NewWriterLevel(io.Discard, level)
			bench("compress-gzip-reused", func() {
				zw.Reset(io.Discard)
				_, _ = zw.Write(in)
				_ = zw.Close()
			})
			bench("compress-gzip-new", func() {
				zw, _ := gzip.NewWriterLevel(io.Discard, level)
				_, _ = zw.Write(in)
				_ = zw.Close()
			})
		}
	}
}

func discard() pipeline.Sink {
	return pipeline.NewSink("discard", func(ctx context.Context, in *pipeline.Inlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			c.Release()
		}
		return nil
	})
}
