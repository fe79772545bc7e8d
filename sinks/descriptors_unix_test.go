//go:build unix

package sinks_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// Where there is no descriptor for a file, a flow waits for one.
func TestFilesWaitForADescriptor(t *testing.T) {
	dir := t.TempDir()
	for what, test := range map[string]struct {
		source pipeline.Source
		sink   func(name string) pipeline.Sink
	}{
		"sources.File":            {sources.File(filepath.Join(dir, "in")), sinks.File},
		"sinks.File":              {sources.Bytes([]byte("content")), sinks.File},
		"sinks.File, create only": {sources.Bytes([]byte("content")), func(name string) pipeline.Sink { return sinks.FileWith(name, sinks.FileOptions{NoClobber: true}) }},
		"sinks.Append":            {sources.Bytes([]byte("content")), sinks.Append},
		"sinks.Overwrite":         {sources.Bytes([]byte("content")), sinks.Overwrite},
		"sinks.Resume":            {sources.Bytes([]byte("content")), func(name string) pipeline.Sink { return sinks.Resume(name, "x", 0, sinks.FileOptions{}) }},
	} {
		t.Run(what, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, "in"), []byte("content"), 0o644); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "out")
			held := testenv.NoDescriptors(t)
			done := make(chan error, 1)
			go func() {
				_, err := test.source.To(test.sink(out)).Run(context.Background())
				done <- err
			}()
			select {
			case err := <-done:
				t.Errorf("it did not wait: %v", err)
				return
			case <-time.After(50 * time.Millisecond):
			}
			for _, f := range held[:8] {
				f.Close()
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			for _, f := range held[8:] {
				f.Close()
			}
			if b, err := os.ReadFile(out); err != nil || string(b) != "content" {
				t.Errorf("%q, %v", b, err)
			}
		})
	}
}
