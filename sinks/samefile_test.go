package sinks_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// Nothing is written in place that the flow reads, and no file twice: whatever leads to it. Nothing is touched.
func TestOneFileTwice(t *testing.T) {
	pipetest.NoLeaks(t)
	done := make(chan struct{})
	defer close(done)
	for what, flow := range map[string]func(f *os.File) (pipeline.Source, pipeline.Sink){
		"append":      func(*os.File) (pipeline.Source, pipeline.Sink) { return sources.File("a"), sinks.Append("a") },
		"overwrite":   func(*os.File) (pipeline.Source, pipeline.Sink) { return sources.File("a"), sinks.Overwrite("./a") },
		"a hard link": func(*os.File) (pipeline.Source, pipeline.Sink) { return sources.File("a"), sinks.Append("hard") },
		"a link":      func(*os.File) (pipeline.Source, pipeline.Sink) { return sources.File("soft"), sinks.Overwrite("a") },
		"up and down": func(*os.File) (pipeline.Source, pipeline.Sink) { return sources.File("dir/../a"), sinks.Append("soft") },
		"second": func(*os.File) (pipeline.Source, pipeline.Sink) {
			return pipeline.Concat(sources.File("b"), sources.File("a")), sinks.Overwrite("a")
		},
		"second, until": func(*os.File) (pipeline.Source, pipeline.Sink) {
			return pipeline.Concat(sources.File("b"), sources.Until(done, sources.File("a"))), sinks.Overwrite("a")
		},
		"merged": func(*os.File) (pipeline.Source, pipeline.Sink) {
			return pipeline.Merge(sources.File("b"), sources.File("a")), sinks.Append("a")
		},
		"open, written": func(f *os.File) (pipeline.Source, pipeline.Sink) { return sources.File("a"), sinks.Writer(f) },
		"open, read":    func(f *os.File) (pipeline.Source, pipeline.Sink) { return sources.Reader(f), sinks.Append("a") },
		"a branch": func(*os.File) (pipeline.Source, pipeline.Sink) {
			return sources.File("a"), pipeline.Tee(sinks.File("c"), sinks.Overwrite("a"))
		},
		"two new": func(*os.File) (pipeline.Source, pipeline.Sink) {
			return sources.File("a"), pipeline.Tee(sinks.File("c"), sinks.File("dir/../c"))
		},
		"two, dangling": func(*os.File) (pipeline.Source, pipeline.Sink) {
			return sources.File("a"), pipeline.Tee(sinks.File("c"), sinks.File("nowhere"))
		},
		"two old": func(*os.File) (pipeline.Source, pipeline.Sink) {
			return sources.File("a"), pipeline.Tee(sinks.File("b"), sinks.File("./b"))
		},
		"two, appended": func(*os.File) (pipeline.Source, pipeline.Sink) {
			return sources.File("b"), pipeline.Tee(sinks.File("a"), sinks.Append("hard"))
		},
		"two, new": func(*os.File) (pipeline.Source, pipeline.Sink) {
			return sources.File("b"), pipeline.Tee(sinks.Append("c"), sinks.File("c"))
		},
		"two, resumed": func(*os.File) (pipeline.Source, pipeline.Sink) {
			return sources.File("b"), pipeline.Tee(sinks.Resume("c", "b", 0, sinks.FileOptions{}), sinks.File("c"))
		},
		"two, one open": func(f *os.File) (pipeline.Source, pipeline.Sink) {
			return sources.File("b"), pipeline.Tee(sinks.File("hard"), sinks.Writer(f))
		},
		"three branches": func(*os.File) (pipeline.Source, pipeline.Sink) {
			return sources.File("b"), pipeline.Tee(sinks.File("c"), sinks.File("d"), pipeline.BestEffort(sinks.File("c")))
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			write(t, "a", "content of a")
			write(t, "b", "content of b")
			if err := errors.Join(os.Mkdir("dir", 0o777), os.Link("a", "hard"), os.Symlink("a", "soft"), os.Symlink("c", "nowhere")); err != nil {
				t.Skipf("NOT RUN: no links here: %v", err)
			}
			f, err := os.OpenFile("a", os.O_RDWR|os.O_APPEND, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			source, sink := flow(f)
			if _, err := source.To(sink).Run(t.Context()); !isSameFile(err) {
				t.Errorf("got %v, want that it is one file", err)
			}
			for name, want := range map[string]string{"a": "content of a", "b": "content of b", "hard": "content of a"} {
				if got, err := os.ReadFile(name); string(got) != want || err != nil {
					t.Errorf("%s: %q, %v", name, got, err)
				}
			}
			if left, _ := filepath.Glob(".*weir*"); left != nil {
				t.Errorf("left: %q", left)
			}
			for _, name := range []string{"c", "d"} {
				if _, err := os.Lstat(name); err == nil {
					t.Errorf("%s has appeared", name)
				}
			}
		})
	}
}

func isSameFile(err error) bool {
	_, ok := errors.AsType[*pipeline.SameFileError](err)
	return ok
}

// These are all right.
func TestFilesThatMayMeet(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "a", "content")
	if err := os.Link("a", "hard"); err != nil {
		t.Skipf("NOT RUN: no links here: %v", err)
	}
	for what, flow := range map[string]*pipeline.Pipeline{
		"a flow replaces its source":    sources.File("a").To(sinks.File("a")),
		"through a link":                sources.File("hard").To(pipeline.Tee(sinks.File("a"), sinks.File("c"))),
		"two writers to nothing":        sources.File("a").To(pipeline.Tee(sinks.File(os.DevNull), sinks.File(os.DevNull))),
		"a file that is appended twice": pipeline.Concat(sources.File("a"), sources.File("a")).To(sinks.Append("d")),
		"an empty device":               sources.File(os.DevNull).To(sinks.Overwrite(os.DevNull)),
	} {
		if _, err := flow.Run(t.Context()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got, err := os.ReadFile("a"); string(got) != "content" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := os.ReadFile("d"); string(got) != "contentcontent" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// A file that becomes another name of the one that is written is found when it is about to be read.
func TestOneFileMeanwhile(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "a", "content of a")
	write(t, "b", "content of b")
	linked := whileOpen(func() error { return os.Link("a", "late") })
	_, err := pipeline.Concat(sources.File("b"), linked, sources.File("late")).To(sinks.Append("a")).Run(t.Context())
	if !isSameFile(err) {
		t.Errorf("got %v, want that it is one file", err)
	}
	if got, err := os.ReadFile("a"); string(got) != "content of a" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
