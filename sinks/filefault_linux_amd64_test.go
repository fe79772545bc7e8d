package sinks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// Whatever the kernel refuses, and whenever: the file is right.
func TestFileIfTheKernelDoesNotCopy(t *testing.T) {
	testenv.Long(t)
	for _, tt := range []struct {
		nr    int
		errno syscall.Errno
		holes bool // are kept
	}{
		{unix.SYS_COPY_FILE_RANGE, unix.ENOSYS, true},
		{unix.SYS_COPY_FILE_RANGE, unix.EXDEV, true},
		{unix.SYS_COPY_FILE_RANGE, unix.EINVAL, true},
		{unix.SYS_COPY_FILE_RANGE, unix.EOPNOTSUPP, true},
		{unix.SYS_COPY_FILE_RANGE, unix.EPERM, true},
		{unix.SYS_COPY_FILE_RANGE, unix.EIO, false},
		{unix.SYS_FALLOCATE, unix.EOPNOTSUPP, true},
		{unix.SYS_FALLOCATE, unix.EINVAL, true},
		{unix.SYS_FALLOCATE, unix.EPERM, true},
	} {
		for _, hole := range []bool{false, true} {
			dir := t.TempDir()
			a, b := filepath.Join(dir, "in"), filepath.Join(dir, "out")
			if hole {
				sparseFile(t, a, 40<<20, map[int64]string{0: "begin", 35 << 20: string(pattern(3 << 20))})
			} else if err := os.WriteFile(a, pattern(9<<20), 0o666); err != nil {
				t.Fatal(err)
			}
			if out, err := child(t, "copy under fault", a, b, fault{tt.nr, -1, uintptr(tt.errno)}.String()).CombinedOutput(); err != nil {
				t.Errorf("system call %d, %v, hole=%t: %v: %s", tt.nr, tt.errno, hole, err, out)
				continue
			}
			sameFiles(t, a, b)
			if hole && tt.holes && allocated(t, b) > 5<<20 {
				t.Errorf("%v: the hole is gone", tt.errno)
			}
		}
	}
}

func init() {
	children["copy under fault"] = func(args []string) error {
		var f fault
		if _, err := fmt.Sscan(args[2], &f.nr, &f.fd, &f.errno); err != nil {
			return err
		}
		if err := inject([]fault{f}); err != nil {
			return err
		}
		return run(sources.File(args[0]), sinks.File(args[1]))
	}
	children["resume without sync"] = func(args []string) error {
		if err := inject([]fault{{unix.SYS_FSYNC, -1, uintptr(unix.EIO)}}); err != nil {
			return err
		}
		return resume(args[0], args[1], "a", func(int64) error { return nil })
	}
	// no sync runs a flow in which no fsync works.
	children["no sync"] = func(args []string) error {
		d, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		if err := inject([]fault{{unix.SYS_FSYNC, -1, uintptr(unix.EIO)}}); err != nil {
			return err
		}
		sink := options{FileOptions: sinks.FileOptions{Sync: sinks.Sync(d)}, Resume: args[2], Append: args[3] != "", InPlace: args[4] != ""}.sink(args[0])
		return run(say("new"), sink)
	}
}

// Without Sync nothing is synced; with it a failure is one, and what may be damaged is not resumed.
func TestFileThatCannotBeSyncedIsNotResumed(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(t.TempDir(), "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(from, pattern(1<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	interrupted(t, from, to, "a", 500<<10)
	out, err := child(t, "resume without sync", from, to).CombinedOutput()
	if err == nil || string(out) != to+": sync: input/output error" {
		t.Errorf("%v: %s", err, out)
	}
	if n := partial(t, to, "a"); n != 0 {
		t.Errorf("%d bytes are left", n)
	}
	wantTree(t, dir, map[string]string{})
}

func TestFileSync(t *testing.T) {
	for _, mode := range [][]string{{"", "", ""}, {"fingerprint", "", ""}, {"", "append", ""}, {"", "", "in place"}} {
		for _, d := range []sinks.Sync{0, sinks.SyncNone, sinks.SyncFull} {
			dir := t.TempDir()
			name := filepath.Join(dir, "out")
			write(t, name, "old ")
			out, err := child(t, append([]string{"no sync", name, strconv.Itoa(int(d))}, mode...)...).CombinedOutput()
			want := map[string]string{"out": "new"}
			if mode[1] != "" {
				want["out"] = "old new"
			}
			switch {
			case d == sinks.SyncNone:
				if err != nil {
					t.Errorf("%q, none: %v, %s", mode, err, out)
				}
			default:
				if err == nil || !strings.Contains(string(out), name+": sync: input/output error") {
					t.Errorf("%q, %d: %v, %s", mode, d, err, out)
				}
				if mode[2] == "" {
					want["out"] = "old "
				}
			}
			wantTree(t, dir, want)
		}
	}
}

func init() {
	children["without locks"] = func(args []string) error {
		if err := inject([]fault{{unix.SYS_FLOCK, -1, uintptr(unix.ENOSYS)}}); err != nil {
			return err
		}
		return run(whileOpen(func() error { return run(say("second"), sinks.File(args[0])) }), sinks.File(args[0]))
	}
}

// Where a file system has no locks, a file that is a day old was left by a killed run, and a younger one may be in use.
func TestFileWithoutLocks(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"0", "1", "2"} {
		write(t, filepath.Join(dir, ".out.weir-"+n), n)
	}
	old := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, ".out.weir-1"), old, old); err != nil {
		t.Fatal(err)
	}
	if out, err := child(t, "without locks", filepath.Join(dir, "out")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wantTree(t, dir, map[string]string{"out": whileOpenAll, ".out.weir-0": "0", ".out.weir-2": "2"})
}
