package sinks_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
)

// tree returns what is in dir: paths with contents, "-> target" for links, "/" for folders.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		rel = filepath.ToSlash(rel)
		switch {
		case d.IsDir():
			got[rel] = "/"
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			got[rel] = "-> " + link
			return err
		case d.Type().IsRegular():
			b, err := os.ReadFile(path)
			got[rel] = string(b)
			return err
		default:
			got[rel] = d.Type().String()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func wantTree(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(shortened(want), shortened(tree(t, dir))); diff != "" {
		t.Errorf("the folder (-want +got):\n%s", diff)
	}
}

// shortened makes large files readable.
func shortened(tree map[string]string) map[string]string {
	short := map[string]string{}
	for name, s := range tree {
		if len(s) > 1000 {
			s = fmt.Sprintf("%d bytes, SHA-256 %x", len(s), sha256.Sum256([]byte(s)))
		}
		short[name] = s
	}
	return short
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Skip("NOT RUN: no symbolic links here: ", err)
	}
}

// S01, S19: all bytes, in order; an empty stream is an empty file.
func TestFileHoldsTheStream(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, size := range []int{0, 1, 16<<10 - 1, 16 << 10, 16<<10 + 1, 1<<20 + 1, 5 << 20} {
		for _, old := range []string{"none", "shorter", "longer"} {
			t.Run(fmt.Sprintf("size=%d/old=%s", size, old), func(t *testing.T) {
				dir := t.TempDir()
				name := filepath.Join(dir, "out")
				switch old {
				case "shorter":
					write(t, name, "")
				case "longer":
					write(t, name, strings.Repeat("old", size))
				}
				want := bytes.Repeat([]byte("0123456789abcde"), size/15+1)[:size]
				if err := run(pipetest.Source(want, size/3, size/2), sinks.File(name)); err != nil {
					t.Fatal(err)
				}
				wantTree(t, dir, map[string]string{"out": string(want)})
			})
		}
	}
}

// S02: a sink that cannot be opened fails before much is read, names the file once, and the source ends.
func TestFileThatCannotBeOpened(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "plain", "plain")
	if err := os.Mkdir("folder", 0o777); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 256)
	before := tree(t, dir)
	for _, tt := range []struct {
		name, want string
		is         error
	}{
		{"folder", "folder: is a directory", nil},
		{"folder/", "folder/: is a directory", nil},
		{"new/", "new/: is a directory", nil},
		{".", ".: is a directory", nil},
		{"missing/out", "missing/out: no such file or directory", fs.ErrNotExist},
		{"plain/out", "plain/out: not a directory", nil},
		{"", `"": the file's name is empty`, nil},
		{"a\x00b", `"a\x00b": invalid argument`, nil},
		{long, long + ": file name too long", nil},
	} {
		t.Run(tt.want[:min(60, len(tt.want))], func(t *testing.T) {
			report, err := pour().To(sinks.File(tt.name)).Run(t.Context())
			if err == nil {
				t.Fatal("success")
			}
			if runtime.GOOS != "windows" && err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
			if got := report.Channels[0].Bytes; got > 4<<20 {
				t.Errorf("the source sent %d bytes", got)
			}
			wantTree(t, dir, before)
		})
	}
}

// S04, S09, S14, S26, S28, S33: however a run fails, the old file stays and nothing else.
func TestFileOfAFailedRun(t *testing.T) {
	pipetest.NoLeaks(t)
	boom := errors.New("boom")
	swallow := pipeline.NewStage("swallow", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return nil
			}
			if out.Send(ctx, c) != nil {
				return nil
			}
		}
		return nil
	})
	lateFailure := pipeline.NewSink("late", func(ctx context.Context, in *pipeline.Inlet) error {
		in.AtEnd(func(_ context.Context, failed error) error {
			if failed == nil {
				return boom
			}
			return nil
		})
		return sinks.Discard().Run(ctx, in)
	})
	failed := func(sent string, f func(ctx context.Context) error) func(context.CancelCauseFunc, pipeline.Sink) *pipeline.Pipeline {
		return func(_ context.CancelCauseFunc, file pipeline.Sink) *pipeline.Pipeline {
			return sayThen(sent, f).To(file)
		}
	}
	open := func(f func() error) func(context.CancelCauseFunc, pipeline.Sink) *pipeline.Pipeline {
		return func(_ context.CancelCauseFunc, file pipeline.Sink) *pipeline.Pipeline {
			return whileOpen(f).To(file)
		}
	}
	fail := func(context.Context) error { return boom }
	for name, flow := range map[string]func(cancel context.CancelCauseFunc, file pipeline.Sink) *pipeline.Pipeline{
		"error before the first chunk": failed("", fail),
		"error after a chunk":          failed("half", fail),
		"error after much":             open(func() error { return boom }),
		"panic":                        open(func() error { panic(boom) }),
		"the node around it panics": func(_ context.CancelCauseFunc, file pipeline.Sink) *pipeline.Pipeline {
			return say("x").To(pipeline.NewSink("around", func(ctx context.Context, in *pipeline.Inlet) error {
				err := file.Run(ctx, in)
				panic(errors.Join(boom, err))
			}))
		},
		"a stage swallows the error": func(_ context.CancelCauseFunc, file pipeline.Sink) *pipeline.Pipeline {
			return sayThen("half", fail).Via(swallow).To(file)
		},
		"cancel": func(cancel context.CancelCauseFunc, file pipeline.Sink) *pipeline.Pipeline {
			return whileOpen(func() error {
				cancel(boom)
				return nil
			}).To(file)
		},
		"the branch on its left fails at its end": func(_ context.CancelCauseFunc, file pipeline.Sink) *pipeline.Pipeline {
			return say("all").To(pipeline.Tee(lateFailure, file))
		},
		"the branch on its right fails": func(_ context.CancelCauseFunc, file pipeline.Sink) *pipeline.Pipeline {
			return say("all").To(pipeline.Tee(file, pipeline.NewSink("bad", func(context.Context, *pipeline.Inlet) error { return boom })))
		},
	} {
		for _, old := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/old=%t", name, old), func(t *testing.T) {
				dir := t.TempDir()
				want := map[string]string{}
				if old {
					write(t, filepath.Join(dir, "out"), "old")
					want["out"] = "old"
				}
				ctx, cancel := context.WithCancelCause(context.Background())
				_, err := flow(cancel, sinks.File(filepath.Join(dir, "out"))).Run(ctx)
				if !errors.Is(err, boom) {
					t.Errorf("got %v, want boom", err)
				}
				wantTree(t, dir, want)
			})
		}
	}
}

// S13: a run that is cancelled already opens nothing.
func TestFileOfACancelledRun(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	cause := errors.New("cause")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	flow := say("x").To(sinks.File(filepath.Join(dir, "out")))
	if run, err := flow.Start(ctx); run != nil || !errors.Is(err, cause) {
		t.Errorf("got %v, want %v", err, cause)
	}
	wantTree(t, dir, map[string]string{})
}

func TestFileTeeToThreeFilesIsAllOrNothing(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	file := func(name string) pipeline.Sink { return sinks.File(filepath.Join(dir, name)) }
	if err := run(say("one", "two"), pipeline.Tee(file("a"), file("b"), file("c"))); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"a": "onetwo", "b": "onetwo", "c": "onetwo"}
	wantTree(t, dir, all)
	if err := run(say("new"), pipeline.Tee(file("a"), file("b"), file("missing/c"))); err == nil {
		t.Fatal("success")
	}
	wantTree(t, dir, all)
}

func TestFileFollowsSymlinks(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	t.Chdir(dir)
	for _, d := range []string{"a", "a/b", "c"} {
		if err := os.Mkdir(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	write(t, "a/b/target", "old")
	symlink(t, "b/target", "a/relative")
	symlink(t, "a/relative", "chain")
	symlink(t, filepath.Join(dir, "a/b/target"), "absolute")
	symlink(t, "a/new", "dangling")
	symlink(t, "a/b", "folder")
	symlink(t, "loop", "loop")
	want := tree(t, dir)
	for _, tt := range []struct{ name, hits string }{
		{"chain", "a/b/target"},
		{"absolute", "a/b/target"},
		{"a/relative", "a/b/target"},
		{filepath.Join(dir, "chain"), "a/b/target"},
		{"dangling", "a/new"},
		{"folder/target", "a/b/target"},
		{"folder/other", "a/b/other"},
		{"folder/../up", "a/up"}, // not ./up: the kernel goes up from a/b
	} {
		if runtime.GOOS == "windows" && strings.Contains(tt.name, "..") {
			continue // there, paths are cleaned first
		}
		if err := run(say("by ", tt.name), sinks.File(tt.name)); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		want[tt.hits] = "by " + tt.name
		wantTree(t, dir, want)
	}
	if err := run(say("x"), sinks.File("loop")); err == nil {
		t.Error("a loop of links: success")
	}
	if err := run(say("x"), sinks.File("folder")); err == nil || err.Error() != "folder: is a directory" {
		t.Errorf("a link to a folder: %v", err)
	}
	wantTree(t, dir, want)
}

func TestFileNoClobber(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	file := sinks.FileWith(name, sinks.FileOptions{NoClobber: true})

	// It comes into being during the run: found out by the last step.
	err := run(whileOpen(func() error {
		write(t, name, "theirs")
		return nil
	}), file)
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), name+": rename: file exists") {
		t.Errorf("got %v", err)
	}
	wantTree(t, dir, map[string]string{"out": "theirs"})

	// It is there: nothing is made of it.
	report, err := pour().To(file).Run(t.Context())
	if !errors.Is(err, fs.ErrExist) || err.Error() != name+": file already exists" {
		t.Errorf("got %v", err)
	}
	if got := report.Channels[0].Bytes; got > 4<<20 {
		t.Errorf("the source sent %d bytes", got)
	}
	wantTree(t, dir, map[string]string{"out": "theirs"})

	// It is not there.
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := run(say("mine"), file); err != nil {
		t.Error(err)
	}
	wantTree(t, dir, map[string]string{"out": "mine"})
}

func TestFileNoClobberAndSymlinks(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "target", "old")
	symlink(t, "target", "link")
	symlink(t, "nowhere", "dangling")
	want := tree(t, dir)
	for _, name := range []string{"link", "dangling"} {
		if err := run(say("new"), sinks.FileWith(name, sinks.FileOptions{NoClobber: true})); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: got %v, want ErrExist", name, err)
		}
	}
	wantTree(t, dir, want)
}

func TestFileNoClobberHasOneWinner(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	const runs = 20
	var started, all sync.WaitGroup
	started.Add(runs)
	errs := make([]error, runs)
	for i := range runs {
		all.Go(func() {
			errs[i] = run(sayThen(fmt.Sprint(i), func(context.Context) error {
				started.Done()
				started.Wait()
				return nil
			}), sinks.FileWith(name, sinks.FileOptions{NoClobber: true}))
		})
	}
	all.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("both %d and %d succeeded", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, fs.ErrExist):
			t.Errorf("%d: got %v, want ErrExist", i, err)
		}
	}
	wantTree(t, dir, map[string]string{"out": fmt.Sprint(winner)})
}

func TestFileBadMode(t *testing.T) {
	dir := t.TempDir()
	for _, mode := range []fs.FileMode{0o1000, fs.ModeSetuid | 0o755, fs.ModeDir} {
		err := run(say("x"), sinks.FileWith(filepath.Join(dir, "out"), sinks.FileOptions{Mode: mode}))
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("out: mode %#o: want permission bits", uint32(mode))) {
			t.Errorf("%v: got %v", mode, err)
		}
	}
	wantTree(t, dir, map[string]string{})
}

// S24: one description, many runs at once to one name: the file is always that of one run, whole.
func TestFileOfRunsAtOnce(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	file := sinks.File(name)
	const size = 1 << 20
	var all, written sync.WaitGroup
	written.Add(8)
	for i := range 8 {
		all.Go(func() {
			b := strings.Repeat(string(rune('a'+i)), size)
			if err := run(sayThen(b, func(context.Context) error {
				written.Done()
				written.Wait()
				return nil
			}), file); err != nil {
				t.Error(err)
			}
			got, err := os.ReadFile(name)
			if err != nil || len(got) != size || strings.Count(string(got), string(got[0])) != size {
				t.Errorf("%d bytes that are not those of one run, %v", len(got), err)
			}
		})
	}
	all.Wait()
	if got := tree(t, dir); len(got) != 1 {
		t.Errorf("debris: %d files", len(got))
	}
}

// The working directory may change during the run.
func TestFileOfARelativeName(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	t.Chdir(dir)
	err := run(whileOpen(func() error { return os.Chdir(other) }), sinks.File("out"))
	if err != nil {
		t.Fatal(err)
	}
	wantTree(t, dir, map[string]string{"out": whileOpenAll})
	wantTree(t, other, map[string]string{})
}

func TestFileOfALongName(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{strings.Repeat("x", 255), "x" + strings.Repeat("ü", 127)} {
		if err := run(say(name), sinks.File(filepath.Join(dir, name))); err != nil {
			t.Error(err)
		}
		wantTree(t, dir, map[string]string{name: name})
		os.Remove(filepath.Join(dir, name))
	}
}

// While the run goes on, the new file is under another name, beside the old one.
func TestFileDuringTheRun(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out.gz")
	write(t, name, "old")
	var names []string
	err := run(whileOpen(func() error {
		names, _ = filepath.Glob(filepath.Join(dir, ".out.gz.weir-*"))
		if b, err := os.ReadFile(name); string(b) != "old" || err != nil {
			t.Errorf("the file is %d bytes, %v", len(b), err)
		}
		return nil
	}), sinks.File(name))
	if err != nil {
		t.Error(err)
	}
	if len(names) != 1 {
		t.Errorf("temporary files: %v", names)
	}
	wantTree(t, dir, map[string]string{"out.gz": whileOpenAll})
}

// A flow may replace the file that it reads, also through links.
func TestFileReplacesItsSource(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	name, link := filepath.Join(dir, "a"), filepath.Join(dir, "link")
	content := strings.Repeat("0123456789", 300_000)
	write(t, name, content)
	symlink(t, "a", link)
	for _, dest := range []string{name, link} {
		err := run(pipeline.NewSource("read", func(ctx context.Context, out *pipeline.Outlet) error {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			return out.CopyFrom(ctx, f)
		}), sinks.File(dest))
		if err != nil {
			t.Error(err)
		}
		wantTree(t, dir, map[string]string{"a": content, "link": "-> a"})
	}
}

// Somebody else makes a file of the name while the run goes on.
func TestFileMeetsAnother(t *testing.T) {
	for _, size := range []int{3, 100_000} {
		for _, noClobber := range []bool{false, true} {
			dir := t.TempDir()
			name, content := filepath.Join(dir, "out"), strings.Repeat("x", size)
			meanwhile := stepSink(func() error {
				write(t, name, "other")
				return nil
			})
			err := run(say(content), pipeline.Tee(meanwhile, sinks.FileWith(name, sinks.FileOptions{NoClobber: noClobber})))
			if noClobber {
				if !errors.Is(err, fs.ErrExist) {
					t.Errorf("got %v", err)
				}
				content = "other"
			} else if err != nil {
				t.Error(err)
			}
			wantTree(t, dir, map[string]string{"out": content})
		}
	}
}
