//go:build unix

package sinks_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
)

// The file goes with the directory that the run was begun in, or the run fails and leaves nothing.
func TestDirectoryThatMovesDuringTheRun(t *testing.T) {
	for _, tt := range []struct {
		name string
		sink func(name string) pipeline.Sink
		old  bool
	}{
		{"new", sinks.File, false},
		{"replaced", sinks.File, true},
		{"no clobber", func(name string) pipeline.Sink { return sinks.FileWith(name, sinks.FileOptions{NoClobber: true}) }, false},
		{"resumable", func(name string) pipeline.Sink { return sinks.Resume(name, "a", 0, sinks.FileOptions{}) }, false},
		{"append", sinks.Append, true},
		{"overwrite", sinks.Overwrite, true},
	} {
		for _, what := range []string{"moved", "another in its place", "removed"} {
			dir := filepath.Join(t.TempDir(), "dir")
			moved := dir + " moved"
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"out": whileOpenAll}
			if tt.old {
				write(t, filepath.Join(dir, "out"), "old")
				if tt.name == "append" {
					want["out"] = "old" + whileOpenAll
				}
			}
			err := run(whileOpen(func() error {
				if what == "removed" {
					return os.RemoveAll(dir)
				}
				if err := os.Rename(dir, moved); err != nil || what == "moved" {
					return err
				}
				if err := os.Mkdir(dir, 0o755); err != nil {
					return err
				}
				return os.WriteFile(filepath.Join(dir, "other"), []byte("other"), 0o666)
			}), tt.sink(filepath.Join(dir, "out")))
			switch what {
			case "removed":
				want := "rename: its directory was removed: no such file or directory"
				if tt.name == "append" || tt.name == "overwrite" {
					want = "write: the file was removed during the run"
				}
				if err == nil || !strings.Contains(err.Error(), ": "+want) {
					t.Errorf("%s, %s: %v, want %s", tt.name, what, err, want)
				}
				if _, err := os.Lstat(dir); err == nil {
					t.Errorf("%s, %s: the directory is back", tt.name, what)
				}
				continue
			case "another in its place":
				wantTree(t, dir, map[string]string{"other": "other"})
			}
			if err != nil {
				t.Errorf("%s, %s: %v", tt.name, what, err)
			}
			wantTree(t, moved, want)
		}
	}
}

// What a failed run keeps goes with the directory, too.
func TestDirectoryThatMovesBeforeTheRunFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	err := run(whileOpen(func() error {
		if err := os.Rename(dir, dir+" moved"); err != nil {
			return err
		}
		return fs.ErrInvalid
	}), sinks.Resume(filepath.Join(dir, "out"), "a", 0, sinks.FileOptions{}))
	if err == nil {
		t.Error("no error")
	}
	if fingerprint, n, err := sinks.Partial(nil, filepath.Join(dir+" moved", "out")); err != nil || fingerprint != "a" || n == 0 {
		t.Errorf("left: %q, %d, %v", fingerprint, n, err)
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Error("the directory is back")
	}
}
