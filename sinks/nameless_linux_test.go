package sinks_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
)

// A small new file has no other name before its own, so that a killed process leaves nothing of it. One that
// grows can be seen.
func TestFileWithoutName(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, root := range []bool{false, true} {
		for size, want := range map[int]int{0: 0, 1: 0, 64 << 10: 0, 64<<10 + 1: 1, 10 << 20: 1} {
			dir := t.TempDir()
			name, opts := filepath.Join(dir, "out"), sinks.FileOptions{}
			if root {
				r, err := os.OpenRoot(dir)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				name, opts.Root = "out", r
			}
			before := stepSink(func() error {
				entries, err := os.ReadDir(dir)
				if len(entries) != want {
					t.Errorf("%d bytes: %d names, want %d", size, len(entries), want)
				}
				return err
			})
			content := strings.Repeat("x", size)
			if err := run(say(content), pipeline.Tee(before, sinks.FileWith(name, opts))); err != nil {
				t.Error(err)
			}
			wantTree(t, dir, map[string]string{"out": content})
			failed := errors.New("failed")
			if err := run(say(content), pipeline.Tee(stepSink(func() error { return failed }), sinks.FileWith(name+"2", opts))); !errors.Is(err, failed) {
				t.Error(err)
			}
			wantTree(t, dir, map[string]string{"out": content})
		}
	}
}

// Somebody else makes a file of the name while the run goes on.
func TestFileWithoutNameMeetsAnother(t *testing.T) {
	for _, size := range []int{3, 100_000} {
		for _, noClobber := range []bool{false, true} {
			dir := t.TempDir()
			name, content := filepath.Join(dir, "out"), strings.Repeat("x", size)
			meanwhile := pipeline.NewSink("meanwhile", func(ctx context.Context, in *pipeline.Inlet) error {
				err := sinks.Discard().Run(ctx, in)
				in.AtEnd(func(context.Context, error) error {
					write(t, name, "other")
					return nil
				})
				return err
			})
			err := run(say(content), pipeline.Tee(meanwhile, sinks.FileWith(name, sinks.FileOptions{NoClobber: noClobber})))
			if noClobber {
				if want := "file: link " + name + ": file exists"; !errors.Is(err, fs.ErrExist) || size == 3 && !strings.HasPrefix(err.Error(), want) {
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
