package sources_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sources"
)

// file makes a file with the given content.
func file(t testing.TB, content []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(name, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// S01, S19.
func TestFile(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, size := range []int{0, 1, 16<<10 - 1, 16 << 10, 16<<10 + 1, 1<<20 + 1, 5 << 20} {
		want := text(size)
		got, promised, err := drain(t.Context(), sources.File(file(t, want)))
		if err != nil || !bytes.Equal(got, want) || promised != int64(size) {
			t.Errorf("%d bytes: got %d, promised %d, %v", size, len(got), promised, err)
		}
	}
}

func TestFilePart(t *testing.T) {
	pipetest.NoLeaks(t)
	const size = 100_000
	content := text(size)
	name := file(t, content)
	for _, tt := range []struct {
		offset, length int64
		n              int64
		err            string
	}{
		{0, 0, size, ""},
		{0, size, size, ""},
		{0, 1, 1, ""},
		{1, 0, size - 1, ""},
		{1, size - 1, size - 1, ""},
		{size - 1, 1, 1, ""},
		{size, 0, 0, ""},
		{50_000, 20_000, 20_000, ""},
		{-1, 0, 0, "in: offset -1: want 0 or more bytes"},
		{0, -1, 0, "in: length -1: want 0 or more bytes"},
		{size + 1, 0, 0, "in: offset 100001: want 0 to 100000, its size in bytes"},
		{math.MaxInt64, math.MaxInt64, 0, "in: offset 9223372036854775807: want 0 to 100000, its size in bytes"},
		{size, 1, 0, "in: length 1: want at most 0 bytes, which is what it has from offset 100000"},
		{10, math.MaxInt64, 0, "in: length 9223372036854775807: want at most 99990 bytes, which is what it has from offset 10"},
	} {
		got, promised, err := drain(t.Context(), sources.FileWith(name, sources.FileOptions{Offset: tt.offset, Length: tt.length}))
		if tt.err != "" {
			if err == nil || err.Error() != filepath.Dir(name)+"/"+tt.err {
				t.Errorf("offset %d, length %d: got %v, want %s", tt.offset, tt.length, err, tt.err)
			}
			continue
		}
		if err != nil || !bytes.Equal(got, content[tt.offset:tt.offset+tt.n]) || promised != tt.n {
			t.Errorf("offset %d, length %d: got %d bytes, promised %d, %v", tt.offset, tt.length, len(got), promised, err)
		}
	}
}

func TestFileThatCannotBeOpened(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	t.Chdir(dir)
	if err := errors.Join(os.Mkdir("directory", 0o777), os.WriteFile("plain", nil, 0o666)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, want string
		is         error
	}{
		{"missing", "missing: no such file or directory", fs.ErrNotExist},
		{"directory", "directory: is a directory", nil},
		{"plain/in", "plain/in: not a directory", nil},
		{"", `"": the file's name is empty`, nil},
		{"a\x00b", `"a\x00b": invalid argument`, nil},
	} {
		_, _, err := drain(t.Context(), sources.File(tt.name))
		if err == nil || runtime.GOOS != "windows" && err.Error() != tt.want || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("got  %v\nwant %s", err, tt.want)
		}
		var node *pipeline.Error
		if !errors.As(err, &node) || node.Node != strings.Split(tt.want, ": ")[0] {
			t.Errorf("%v has no node", err)
		}
	}
}

// resized emits a large file that changes its size while it is read.
func resized(t *testing.T, change func(name string) error, opts sources.FileOptions) (got []byte, err error) {
	t.Helper()
	name := file(t, text(8<<20))
	var c pipetest.Collector
	changed := pipeline.NewStage("change", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		c, err := in.Next(ctx)
		if err := errors.Join(err, change(name)); err != nil {
			return err
		}
		if err := out.Send(ctx, c); err != nil {
			return err
		}
		return pipeline.Stage{}.Run(ctx, in, out)
	})
	flow := sources.FileWith(name, opts).Via(changed).To(c.Sink())
	flow.Buffer = 1
	_, err = flow.Run(t.Context())
	got, _ = c.Published()
	return got, err
}

// S03: a file that shrinks has not delivered what it promised.
func TestFileThatShrinks(t *testing.T) {
	pipetest.NoLeaks(t)
	var name string
	got, err := resized(t, func(n string) error { name = n; return os.Truncate(n, 6<<20) }, sources.FileOptions{})
	if want := fmt.Sprintf("%s: read: truncated: got 6291456 of 8388608 bytes", name); err == nil || err.Error() != want || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if got != nil {
		t.Errorf("%d bytes were published", len(got))
	}
}

// A file that grows is not what it was when it was opened, unless that is allowed.
func TestFileThatGrows(t *testing.T) {
	pipetest.NoLeaks(t)
	more := func(name string) error {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString("more")
		return errors.Join(err, f.Close())
	}
	got, err := resized(t, more, sources.FileOptions{})
	if e, ok := errors.AsType[*sources.ModifiedError](err); !ok || *e != (sources.ModifiedError{OldSize: 8 << 20, NewSize: 8<<20 + 4}) || got != nil {
		t.Errorf("%d bytes were published, %v", len(got), err)
	}
	got, err = resized(t, more, sources.FileOptions{MayChange: true})
	if err != nil || !bytes.Equal(got, text(8<<20)) {
		t.Errorf("with MayChange: got %d bytes, %v", len(got), err)
	}
}

// What is written over a file while it is read gives a mixture, also when size and time are as before.
func TestFileThatIsOverwritten(t *testing.T) {
	pipetest.NoLeaks(t)
	over := func(name string) error {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteAt([]byte("other"), 7<<20)
		return errors.Join(err, f.Close(), os.Chtimes(name, info.ModTime(), info.ModTime()))
	}
	got, err := resized(t, over, sources.FileOptions{})
	if e, ok := errors.AsType[*sources.ModifiedError](err); !ok || *e != (sources.ModifiedError{OldSize: 8 << 20, NewSize: 8 << 20}) || got != nil {
		t.Errorf("%d bytes were published, %v", len(got), err)
	}
	if got, err := resized(t, over, sources.FileOptions{MayChange: true}); err != nil || len(got) != 8<<20 {
		t.Errorf("with MayChange: got %d bytes, %v", len(got), err)
	}
}

// What is not read is not held against a stream that is stopped early.
func TestFileThatGrowsAndIsNotReadToItsEnd(t *testing.T) {
	pipetest.NoLeaks(t)
	name := file(t, text(8<<20))
	stop := pipeline.NewSink("stop", func(ctx context.Context, in *pipeline.Inlet) error {
		c, err := in.Next(ctx)
		if err != nil {
			return err
		}
		c.Release()
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString("more")
		return cmp.Or(errors.Join(err, f.Close()), pipeline.Enough)
	})
	if _, err := sources.File(name).To(stop).Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// S02, S06, S07, S12, S13, S14: the file is closed when its source is stopped, and when the run fails or is cancelled.
func TestFileIsClosed(t *testing.T) {
	pipetest.NoLeaks(t)
	boom := errors.New("boom")
	name := file(t, text(8<<20))
	ctx, cancel := context.WithCancelCause(context.Background())
	for what, tt := range map[string]struct {
		sink pipeline.Sink
		want error
	}{
		"enough":    {enough(1), nil},
		"no read":   {enough(0), nil},
		"fail":      {pipeline.NewSink("bad", func(context.Context, *pipeline.Inlet) error { return boom }), boom},
		"cancel":    {afterFirst(func() { cancel(boom) }), boom},
		"no sink":   {pipeline.NewSink("bad", func(context.Context, *pipeline.Inlet) error { return fs.ErrPermission }), fs.ErrPermission},
		"cancelled": {enough(1), boom},
	} {
		runCtx := context.Background()
		if what == "cancel" || what == "cancelled" {
			runCtx = ctx
			if what == "cancelled" {
				cancel(boom)
			}
		}
		if _, err := sources.File(name).To(tt.sink).Run(runCtx); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", what, err, tt.want)
		}
	}
}

func TestFileConforms(t *testing.T) {
	want := text(100_000)
	name := file(t, want)
	pipetest.TestSource(t, func() pipeline.Source { return sources.File(name) }, want)
}

func TestFilePartConforms(t *testing.T) {
	content := text(100_000)
	name := file(t, content)
	pipetest.TestSource(t, func() pipeline.Source {
		return sources.FileWith(name, sources.FileOptions{Offset: 1000, Length: 90_000})
	}, content[1000:91_000])
}

// lent is a writer that the kernel could fill, and calls f at first.
type lent struct {
	io.Writer
	f func() error
}

func (w *lent) FillFrom(r io.Reader, n int64) (int64, error) {
	if f := w.f; f != nil {
		w.f = nil
		if err := f(); err != nil {
			return 0, err
		}
	}
	return io.CopyN(w.Writer, r, n)
}

// It does not matter how the bytes get on.
func TestFileThatIsOverwrittenWhileItIsLent(t *testing.T) {
	pipetest.NoLeaks(t)
	name := file(t, text(20<<20))
	over := func() error {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteAt([]byte("other"), 0)
		return errors.Join(err, f.Close())
	}
	for _, again := range []bool{false, true} { // as the first source, and as one after another
		w := &lent{Writer: io.Discard, f: over}
		source := sources.File(name)
		if again {
			source = pipeline.Concat(sources.Bytes(text(1000)), source) // which is not lent to
		}
		sink := pipeline.NewSink("lends", func(ctx context.Context, in *pipeline.Inlet) error { return in.CopyTo(ctx, w) })
		_, err := source.To(sink).Run(t.Context())
		if _, ok := errors.AsType[*sources.ModifiedError](err); !ok {
			t.Errorf("after another source: %t, got %v, want a *sources.ModifiedError", again, err)
		}
		if w.f != nil {
			t.Error("the writer was not lent")
		}
	}
}
