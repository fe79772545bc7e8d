package sinks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// apart keeps the kernel from copying: the stream goes through memory.
var apart = pipeline.NewStage("apart", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
	first := true
	for c, err := range in.Chunks(ctx) {
		if err != nil {
			return err
		}
		if n, known := in.Size(); known && first {
			out.SetSize(n)
		}
		first = false
		if err := out.Send(ctx, c); err != nil {
			return err
		}
	}
	return nil
})

// ways are those on which a file's bytes come to the sink: the kernel may copy them, or not.
var ways = map[string]pipeline.Stage{"direct": {}, "chunks": apart}

// sparseFile makes a file of the given size that has data in some places only.
func sparseFile(t testing.TB, name string, size int64, data map[int64]string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for off, s := range data {
		if _, err := f.WriteAt([]byte(s), off); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Truncate(size), f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// sameFiles compares the contents of two files, without holding them.
func sameFiles(t testing.TB, want, got string) {
	t.Helper()
	a, err1 := os.Open(want)
	b, err2 := os.Open(got)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	defer b.Close()
	x, y := make([]byte, 1<<20), make([]byte, 1<<20)
	for off := 0; ; off += len(x) {
		n, err1 := io.ReadFull(a, x)
		m, err2 := io.ReadFull(b, y)
		if n != m || !bytes.Equal(x[:n], y[:m]) {
			t.Fatalf("the files differ after %d bytes", off)
		}
		if err1 != nil || err2 != nil {
			return
		}
	}
}

const blk = 64 << 10 // a hole's length that every file system knows

// All bytes and all holes, whichever way they come, and however the sink looks for holes.
func TestFileKeepsHoles(t *testing.T) {
	pipetest.NoLeaks(t)
	big := string(pattern(blk))
	for what, in := range map[string]struct {
		size int64
		data map[int64]string
	}{
		"nothing":           {0, nil},
		"all hole":          {32 * blk, nil},
		"all hole, odd":     {32*blk + 4321, nil},
		"no hole":           {int64(len(big)), map[int64]string{0: big}},
		"hole at begin":     {5 * blk, map[int64]string{4 * blk: big}},
		"hole at end":       {5 * blk, map[int64]string{0: big}},
		"hole at odd end":   {5*blk + 1, map[int64]string{0: big}},
		"hole in the midst": {5 * blk, map[int64]string{0: big, 4 * blk: big}},
		"many":              {400 * blk, map[int64]string{3 * blk: big, 100 * blk: big, 128 * blk: big, 399 * blk: big[1:]}},
		"islands":           {9 * blk, map[int64]string{blk + 77: "x", 5*blk + 4096: "yz", 9*blk - 1: "e"}},
		"zeros as data":     {8 * blk, map[int64]string{0: string(make([]byte, 4*blk)), 6 * blk: big}},
	} {
		for way, via := range ways {
			for _, sparse := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/sparse=%t", what, way, sparse), func(t *testing.T) {
					dir := t.TempDir()
					a, b := filepath.Join(dir, "in"), filepath.Join(dir, "out")
					sparseFile(t, a, in.size, in.data)
					if err := run(sources.File(a).Via(via), sinks.FileWith(b, sinks.FileOptions{Sparse: sparse})); err != nil {
						t.Fatal(err)
					}
					sameFiles(t, a, b)
					had, has := allocated(t, a), allocated(t, b)
					if has > had+blk && (sparse || way == "direct" && canKeepHoles) {
						t.Errorf("%d bytes on the disk, the source has %d", has, had)
					}
					if what == "zeros as data" && sparse && had > 0 && has > had/2 {
						t.Errorf("%d bytes on the disk, although most of them are 0", has)
					}
				})
			}
		}
	}
}

// Wherever the stream begins and ends, and however it is cut.
func TestFileSparseIsTheStream(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	rapid.Check(t, func(r *rapid.T) {
		var content []byte
		var cuts []int
		for range rapid.IntRange(0, 6).Draw(r, "pieces") {
			n := rapid.OneOf(rapid.IntRange(0, 20_000), rapid.SampledFrom([]int{4095, 4096, 4097, 8192, 65536})).Draw(r, "n")
			if rapid.Bool().Draw(r, "zero") {
				content = append(content, make([]byte, n)...)
			} else {
				content = append(content, pattern(n)...)
			}
			cuts = append(cuts, len(content))
		}
		sink := sinks.FileWith(b, sinks.FileOptions{Sparse: true, Sync: sinks.SyncNone})
		if len(cuts) > 0 {
			cuts = cuts[:len(cuts)-1]
		}
		if err := run(pipetest.Source(content, cuts...), sink); err != nil {
			r.Fatal(err)
		}
		if got, err := os.ReadFile(b); err != nil || !bytes.Equal(got, content) {
			r.Fatalf("chunks: %d bytes, want %d, %v", len(got), len(content), err)
		}
		if err := os.WriteFile(a, content, 0o666); err != nil {
			r.Fatal(err)
		}
		off := int64(rapid.IntRange(0, len(content)).Draw(r, "offset"))
		n := int64(rapid.IntRange(0, len(content)-int(off)).Draw(r, "length"))
		if err := run(sources.FileWith(a, sources.FileOptions{Offset: off, Length: n}), sink); err != nil {
			r.Fatal(err)
		}
		want := content[off:]
		if n > 0 {
			want = want[:n]
		}
		if got, err := os.ReadFile(b); err != nil || !bytes.Equal(got, want) {
			r.Fatalf("direct, %d bytes from %d: %d bytes, %v", n, off, len(got), err)
		}
	})
}

// Two sources, one behind the other, of which the kernel copies only one: the positions must be right.
func TestFileFromSeveralSources(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	a, out := filepath.Join(dir, "a"), filepath.Join(dir, "out")
	sparseFile(t, a, 9*blk, map[int64]string{2 * blk: "data"})
	content, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	part := func(off, n int64) pipeline.Source {
		return sources.FileWith(a, sources.FileOptions{Offset: off, Length: n})
	}
	flow := pipeline.Concat(say("one"), part(0, 0), say("two", "three"), part(blk, 3*blk), part(5*blk, 4*blk), say("four"), part(7*blk, 2*blk))
	want := bytes.Join([][]byte{[]byte("one"), content, []byte("twothree"), content[blk : 4*blk], content[5*blk:], []byte("four"), content[7*blk:]}, nil)
	for _, sparse := range []bool{false, true} {
		if err := run(flow, sinks.FileWith(out, sinks.FileOptions{Sparse: sparse})); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprintf("sparse=%t", sparse), want, got)
	}
}

// A source that is cut off or goes on growing while it is copied: as with chunks.
func TestFileOfASourceThatChanges(t *testing.T) {
	testenv.Long(t)
	pipetest.NoLeaks(t)
	for _, hole := range []bool{false, true} {
		for way, via := range ways {
			for _, change := range []string{"shrinks", "grows"} {
				t.Run(fmt.Sprintf("%s/%s/hole=%t", change, way, hole), func(t *testing.T) {
					dir := t.TempDir()
					a, b := filepath.Join(dir, "in"), filepath.Join(dir, "out")
					const size = 40 << 20 // several times what the kernel is asked for at once
					if hole {
						sparseFile(t, a, size, map[int64]string{0: "begin", size - 10: "end"})
					} else if err := os.WriteFile(a, pattern(size), 0o666); err != nil {
						t.Fatal(err)
					}
					to := int64(30 << 20)
					if change == "grows" {
						to = 50 << 20
					}
					// It changes when the first branch has got something, which is before the second one
					// has it all.
					flow := sources.File(a).Via(via).Via(pipeline.NewStage("change", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
						c, err := in.Next(ctx)
						if err := errors.Join(err, os.Truncate(a, to)); err != nil {
							return err
						}
						if err := out.Send(ctx, c); err != nil {
							return err
						}
						return pipeline.Stage{}.Run(ctx, in, out)
					})).To(sinks.File(b))
					flow.Buffer = 1
					if way == "direct" {
						flow = sources.File(a).To(sinks.File(b))
					}
					run, err := flow.Start(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if way == "direct" {
						for run.Snapshot().Channels[0].Bytes == 0 {
						}
						if err := os.Truncate(a, to); err != nil {
							t.Error(err)
						}
					}
					_, err = run.Wait()
					switch info, serr := os.Stat(b); {
					case err == nil && (serr != nil || info.Size() != size):
						t.Errorf("published %v, %v", info, serr)
					case err != nil && serr == nil:
						t.Errorf("%v, published %v", err, info)
					case err != nil && change == "shrinks" && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, new(*sources.ModifiedError)), err == nil && change == "shrinks" && way == "chunks":
						t.Errorf("got %v", err)
					// What the kernel copies may be over before the file grows.
					case change == "grows" && (err != nil || way == "chunks") && !errors.As(err, new(*sources.ModifiedError)):
						t.Errorf("got %v, want a *sources.ModifiedError", err)
					}
				})
			}
		}
	}
}

// stepSink calls f in its last step, if the run succeeds.
func stepSink(f func() error) pipeline.Sink {
	return pipeline.NewSink("step", func(ctx context.Context, in *pipeline.Inlet) error {
		in.AtEnd(func(_ context.Context, failed error) error {
			if failed != nil {
				return nil
			}
			return f()
		})
		return sinks.Discard().Run(ctx, in)
	})
}
