package fileid_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/fileid"
)

func settled(t *testing.T, name string) (fileid.Version, fs.FileInfo) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	v, info, err := fileid.Settled(f)
	if err != nil {
		t.Fatal(err)
	}
	return v, info
}

// A file that changes twice within one tick of the clock has two Versions, or weak ones.
func TestSettledTellsQuickChangesApart(t *testing.T) { quickChanges(t, t.TempDir()) }

func quickChanges(t *testing.T, dir string) {
	name := filepath.Join(dir, "file")
	when := time.Date(2020, 1, 2, 3, 4, 5, 6700, time.UTC)
	seen := make(map[fileid.Version]string)
	for i := range 50 {
		content := fmt.Sprintf("%4d", i)
		write(t, name, content, when)
		v, info := settled(t, name)
		if info.Size() != int64(len(content)) {
			t.Fatalf("a size of %d bytes", info.Size())
		}
		if old, ok := seen[v]; ok && v.Strong() {
			t.Fatalf("%q and %q have the same version %+v", old, content, v)
		}
		seen[v] = content
	}
}

// What has not changed for a while is told at once, and always the same.
func TestSettledStays(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	write(t, name, "x", time.Now())
	v, info := settled(t, name)
	if !v.Strong() {
		t.Skip("NOT RUN: the file system does not count changes, or another machine does")
	}
	for range 100 {
		if again, _ := settled(t, name); again != v {
			t.Fatalf("%+v, then %+v", v, again)
		}
	}
	if fileid.Of(info) != v && (fileid.Of(info).ID != fileid.ID{}) {
		t.Errorf("of the info: %+v, want %+v", fileid.Of(info), v)
	}
}
