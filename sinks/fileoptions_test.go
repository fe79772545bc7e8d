package sinks_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

func TestFileBadOptions(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	for _, tt := range []struct {
		sink pipeline.Sink
		want string
	}{
		{sinks.FileWith(name, sinks.FileOptions{Sync: 3}), "out: sync 3: want"},
		{sinks.FileWith(name, sinks.FileOptions{Sync: -1}), "out: sync -1: want"},
		{sinks.FileWith(name, sinks.FileOptions{Owner: &sinks.Owner{UID: -2}}), "out: owner -2:0: want"},
		{sinks.AppendWith(name, sinks.InPlaceOptions{Sync: 3}), "out: sync 3: want"},
		{sinks.OverwriteWith(name, sinks.InPlaceOptions{Mode: 0o1000}), "out: mode 01000: want"},
		{sinks.Resume(name, "x", -1, sinks.FileOptions{}), "out: offset -1: want 0 or more"},
		{sinks.Resume(name, "", 0, sinks.FileOptions{}), "out: the fingerprint is empty"},
		{sinks.Resume(name, strings.Repeat("x", 1<<20), 0, sinks.FileOptions{}), "out: a fingerprint of 1048576 bytes: want at most 65536"},
		{sinks.Resume(name, "x", 0, sinks.FileOptions{Sync: 3}), "out: sync 3: want"},
	} {
		if err := run(say("x"), tt.sink); err == nil || !strings.HasPrefix(err.Error(), filepath.Dir(name)+"/"+tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
	wantTree(t, dir, map[string]string{})
}

func TestFileTimes(t *testing.T) {
	mod, access := time.Unix(1e9, 123_000_000), time.Unix(1.1e9, 0)
	for _, opts := range []options{{}, {Append: true}, {InPlace: true}, {Resume: "x"}, {FileOptions: sinks.FileOptions{Sparse: true}}} {
		opts.ModTime, opts.AccessTime = mod, access
		for _, old := range []bool{false, true} {
			name := filepath.Join(t.TempDir(), "out")
			if old {
				write(t, name, "old")
			}
			// The times are there when the file appears: a branch that publishes later sees them.
			if err := run(say("new"), opts.sink(name)); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(name)
			if err != nil || !info.ModTime().Equal(mod) {
				t.Errorf("%+v, old=%t: got %v, %v", opts, old, info.ModTime(), err)
			}
		}
	}
}

func TestFileAppend(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	sink := sinks.Append(name)
	boom := errors.New("boom")
	for _, step := range []struct {
		source pipeline.Source
		err    error
		want   string
	}{
		{whileOpen(func() error { return boom }), boom, ""}, // a new file appears only complete
		{say("one "), nil, "one "},
		{say("two ", "three "), nil, "one two three "},
		{whileOpen(func() error { return boom }), boom, "one two three "},
		{say(), nil, "one two three "},
		{say("four"), nil, "one two three four"},
	} {
		if err := run(step.source, sink); !errors.Is(err, step.err) {
			t.Errorf("got %v, want %v", err, step.err)
		}
		want := map[string]string{}
		if step.want != "" {
			want["out"] = step.want
		}
		wantTree(t, dir, want)
	}
	// From a file: the kernel must not write to the start.
	more := filepath.Join(t.TempDir(), "more")
	write(t, more, " more")
	if err := run(sources.File(more), sink); err != nil {
		t.Error(err)
	}
	wantTree(t, dir, map[string]string{"out": "one two three four more"})
}

// What somebody else has appended is not taken back.
func TestFileAppendWithOthers(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	write(t, name, "old ")
	boom := errors.New("boom")
	err := run(whileOpen(func() error {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString("theirs")
		return errors.Join(boom, err, f.Close())
	}), sinks.Append(name))
	if !errors.Is(err, boom) || !strings.Contains(err.Error(), "the appended bytes stay, because another process has changed the file") {
		t.Errorf("got %v", err)
	}
	b, err := os.ReadFile(name)
	if err != nil || !strings.HasPrefix(string(b), "old new") || !strings.Contains(string(b), "theirs") {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	// Nor is a file replaced that came into being during the run.
	name = filepath.Join(t.TempDir(), "out")
	err = run(whileOpen(func() error { return os.WriteFile(name, []byte("theirs"), 0o666) }), sinks.Append(name))
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	wantTree(t, filepath.Dir(name), map[string]string{"out": "theirs"})
}

func TestFileInPlace(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	name, link, from := filepath.Join(dir, "out"), filepath.Join(dir, "link"), filepath.Join(t.TempDir(), "from")
	write(t, name, strings.Repeat("old", 1000))
	if err := os.Link(name, link); err != nil {
		t.Skip("NOT RUN: no hard links here: ", err)
	}
	sink := sinks.Overwrite(name)
	for _, want := range []string{"short", strings.Repeat("long", 1000), ""} {
		if err := run(say(want), sink); err != nil {
			t.Fatal(err)
		}
		wantTree(t, dir, map[string]string{"out": want, "link": want})
	}
	sparseFile(t, from, 6<<20, map[int64]string{0: "a", 5 << 20: "b"})
	if err := run(sources.File(from), sink); err != nil {
		t.Fatal(err)
	}
	sameFiles(t, from, link)
	// It cannot be undone, and says so, but only if something came.
	boom := errors.New("boom")
	if err := run(whileOpen(func() error { return boom }), sink); !errors.Is(err, boom) || !strings.Contains(err.Error(), "its old content is lost") {
		t.Errorf("got %v", err)
	}
	write(t, name, "old")
	err := run(sayThen("", func(context.Context) error { return boom }), sink)
	if !errors.Is(err, boom) || strings.Contains(err.Error(), "lost") {
		t.Errorf("got %v", err)
	}
	wantTree(t, dir, map[string]string{"out": "old", "link": "old"})
}

// A Root confines everything: the file, its temporary one, and what links point to.
func TestFileInARoot(t *testing.T) {
	pipetest.NoLeaks(t)
	outside := t.TempDir()
	dir := filepath.Join(outside, "root")
	if err := errors.Join(os.Mkdir(dir, 0o777), os.Mkdir(filepath.Join(dir, "sub"), 0o777)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(outside, "secret"), "secret")
	write(t, filepath.Join(dir, "target"), "old")
	symlink(t, "../target", filepath.Join(dir, "sub", "inside"))
	symlink(t, "../secret", filepath.Join(dir, "out of it"))
	symlink(t, "../new", filepath.Join(dir, "dangling"))
	symlink(t, filepath.Join(outside, "secret"), filepath.Join(dir, "absolute"))
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	t.Chdir(t.TempDir()) // names are relative to the root
	want := tree(t, outside)
	for _, opts := range []options{{}, {FileOptions: sinks.FileOptions{NoClobber: true}}, {Append: true}, {InPlace: true}, {Resume: "x"},
		{FileOptions: sinks.FileOptions{Sparse: true, ModTime: time.Unix(1e9, 0)}}} {
		opts.Root = root
		for _, name := range []string{"new", "sub/new", "sub/inside"} {
			if opts.Resume != "" {
				if left, n, err := sinks.Partial(root, name); left != "" || n != 0 || err != nil {
					t.Error(left, n, err)
				}
			}
			err := run(say("new"), opts.sink(name))
			if opts.NoClobber && name == "sub/inside" {
				if !errors.Is(err, fs.ErrExist) {
					t.Errorf("got %v", err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s, %+v: %v", name, opts, err)
			}
			hits := "root/" + name
			if name == "sub/inside" {
				hits = "root/target"
			}
			got := "new"
			if opts.Append {
				got = want[hits] + got
			}
			want[hits] = got
			wantTree(t, outside, want)
			for _, n := range []string{"new", "sub/new"} {
				if opts.NoClobber || opts.Append || opts.InPlace {
					continue
				}
				if os.Remove(filepath.Join(dir, n)) == nil {
					delete(want, "root/"+n)
				}
			}
		}
		for _, name := range []string{"out of it", "dangling", "absolute", "../new", filepath.Join(outside, "new")} {
			err := run(say("bad"), opts.sink(name))
			if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "openat") {
				t.Errorf("%s: got %v", name, err)
			}
			wantTree(t, outside, want)
		}
	}
	// A failed run leaves nothing, also there.
	boom := errors.New("boom")
	if err := run(whileOpen(func() error { return boom }), sinks.FileWith("sub/x", sinks.FileOptions{Root: root})); !errors.Is(err, boom) {
		t.Error(err)
	}
	wantTree(t, outside, want)
	// So does reading.
	var b bytes.Buffer
	if err := run(sources.FileWith("sub/inside", sources.FileOptions{Root: root}), sinks.Buffer(&b)); err != nil || b.String() != want["root/target"] {
		t.Errorf("got %q, %v", b.String(), err)
	}
	for _, name := range []string{"out of it", "absolute", "../secret", "missing", "sub"} {
		if err := run(sources.FileWith(name, sources.FileOptions{Root: root}), sinks.Discard()); err == nil || !strings.Contains(err.Error(), name+": ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestFileOptionsConform(t *testing.T) {
	testenv.Long(t)
	for what, opts := range map[string]sinks.FileOptions{
		"sparse": {Sparse: true},
		"none":   {Sync: sinks.SyncNone},
		"full":   {Sync: sinks.SyncFull},
	} {
		t.Run(what, func(t *testing.T) {
			pipetest.TestSink(t, fileTarget(opts))
		})
	}
}

// Check sees the whole file before anybody else does, and may refuse it.
func TestFileCheck(t *testing.T) {
	refused := errors.New("refused")
	for _, before := range []string{"", "old"} {
		for _, resume := range []string{"", "fingerprint"} {
			for _, content := range []string{"", "x", strings.Repeat("x", 100_000)} {
				for _, want := range []error{nil, refused} {
					dir := t.TempDir()
					name := filepath.Join(dir, "out")
					tree := map[string]string{}
					if before != "" {
						write(t, name, before)
						tree["out"] = before
					}
					calls := 0
					check := func(_ context.Context, f *os.File) error {
						calls++
						got, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
						if string(got) != content || err != nil {
							t.Errorf("%d bytes, %v; want %d", len(got), err, len(content))
						}
						wantOut(t, name, before)
						return want
					}
					err := run(say(content), options{FileOptions: sinks.FileOptions{Check: check}, Resume: resume}.sink(name))
					if !errors.Is(err, want) || calls != 1 {
						t.Errorf("%d calls, got %v, want %v", calls, err, want)
					}
					switch {
					case want == nil:
						wantTree(t, dir, map[string]string{"out": content})
					case resume == "":
						wantTree(t, dir, tree)
					default:
						wantOut(t, name, before)
					}
				}
			}
		}
	}
}

// wantOut checks what the file called name has; "" is none.
func wantOut(t *testing.T, name, want string) {
	t.Helper()
	got, err := os.ReadFile(name)
	if string(got) != want || (want == "") != errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %d bytes, %v; want %q", name, len(got), err, want)
	}
}
