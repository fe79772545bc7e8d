package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/internal/fusetest"
)

// Where syncfs(2) promises nothing, as on FUSE, each file and each directory of a tree is synced, as one file is.
func TestTreeIsSyncedWithoutSyncfs(t *testing.T) {
	var mu sync.Mutex
	synced := make(map[string]int)
	refused := ""
	dir, _ := fusetest.Mount(t, fusetest.Options{Fail: func(op fusetest.Op, name string) syscall.Errno {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case op != fusetest.Fsync && op != fusetest.FsyncDir:
			return 0
		case refused != "" && strings.Contains(name, refused):
			return syscall.EIO
		}
		name, _, _ = strings.Cut(strings.TrimPrefix(name, "."), ".weir-")
		synced[string(op)+" "+name]++
		return 0
	}})
	src := filepath.Join(t.TempDir(), "tree")
	if err := os.MkdirAll(filepath.Join(src, "inner", "empty"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "inner/c"} {
		if err := os.WriteFile(filepath.Join(src, name), []byte(name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	copied := filepath.Join(dir, "copy")
	if out, err := exec.Command("pipe-demo", "cp", "-r", src, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	mu.Lock()
	if synced["fsync directory "] == 0 { // which has the name of the copy
		t.Errorf("the directory of the copy was not synced: %v", synced)
	}
	for _, want := range []string{"fsync a", "fsync b", "fsync c", "fsync directory copy", "fsync directory inner", "fsync directory empty"} {
		if synced[want] == 0 {
			t.Errorf("no %s among %v", want, synced)
		}
	}
	clear(synced)
	mu.Unlock()

	// So is the directory of a link, and of a copy whose name ends in a slash.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("a", link); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{link, filepath.Join(dir, "link")}, {filepath.Join(src, "inner", "empty"), filepath.Join(dir, "slash") + "/"}} {
		if out, err := exec.Command("pipe-demo", append([]string{"cp", "-r"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		mu.Lock()
		if synced["fsync directory "] == 0 {
			t.Errorf("%q: the directory was not synced: %v", args, synced)
		}
		clear(synced)
		mu.Unlock()
	}
	mu.Lock()
	refused = "b"
	mu.Unlock()

	// What cannot be synced does not appear.
	again := filepath.Join(dir, "again")
	out, err := exec.Command("pipe-demo", "cp", "-r", src, again).CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "b: sync: input/output error") {
		t.Errorf("%v: %s", err, out)
	}
	if diff := cmp.Diff([]string{"a", "inner"}, files(t, again)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
