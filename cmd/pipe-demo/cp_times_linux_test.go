package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cp -p keeps times that do not fit into 64 bits of nanoseconds since 1970, negative and sub-second ones, of files, directories and links.
func TestPreserveTimesOutOfRange(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "weir-times-") // a tmpfs has all times; ext4 and others have fewer
	if err != nil {
		t.Skipf("NOT RUN: no tmpfs here: %v", err)
	}
	defer os.RemoveAll(dir)
	tree := filepath.Join(dir, "tree")
	if err := errors.Join(os.Mkdir(tree, 0o777), os.WriteFile(filepath.Join(tree, "file"), []byte("x"), 0o666), os.Symlink("file", filepath.Join(tree, "link"))); err != nil {
		t.Fatal(err)
	}
	for i, want := range []time.Time{
		time.Date(1601, 1, 1, 0, 0, 0, 1, time.UTC),
		time.Date(1677, 9, 21, 0, 12, 43, 145224191, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 500000001, time.UTC),
		time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2262, 4, 11, 23, 47, 16, 854775808, time.UTC),
		time.Date(2300, 1, 1, 0, 0, 0, 999999999, time.UTC),
	} {
		ts, err := unix.TimeToTimespec(want)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"file", "link", "."} {
			if err := unix.UtimesNanoAt(unix.AT_FDCWD, filepath.Join(tree, name), []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
				t.Fatal(err)
			}
		}
		copied := filepath.Join(dir, "copy", string(rune('a'+i)))
		if err := os.MkdirAll(filepath.Dir(copied), 0o777); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"cp", "-rp", tree, copied}, {"cp", "-p", filepath.Join(tree, "file"), copied + ".file"}} {
			if out, err := exec.Command("pipe-demo", args...).CombinedOutput(); err != nil {
				t.Fatalf("%q: %v: %s", args, err, out)
			}
		}
		for _, name := range []string{copied, copied + "/file", copied + "/link", copied + ".file"} {
			info, err := os.Lstat(name)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.ModTime(); !got.Equal(want) {
				t.Errorf("%s: got %v, want %v", name, got.UTC(), want)
			}
		}
	}
}

// Most file systems have fewer times than a tmpfs, and take another one for what they do not have, without an error.
func TestTimesThatCannotBeKept(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "weir-times-")
	if err != nil {
		t.Skipf("NOT RUN: no tmpfs here: %v", err)
	}
	defer os.RemoveAll(dir)
	tree := filepath.Join(dir, "tree")
	if err := errors.Join(os.Mkdir(tree, 0o777), os.WriteFile(filepath.Join(tree, "file"), []byte("x"), 0o666), os.Symlink("file", filepath.Join(tree, "link"))); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	probe := filepath.Join(to, "probe")
	writeFile(t, probe, "", 0o600)
	ts := []unix.Timespec{{Sec: 1 << 34}, {Sec: 1 << 34}} // in 2514: ext4 ends in 2446, XFS in 2486
	for _, name := range []string{filepath.Join(tree, "file"), filepath.Join(tree, "link"), tree, probe} {
		if err := unix.UtimesNanoAt(unix.AT_FDCWD, name, ts, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			t.Skipf("NOT RUN: %v", err)
		}
	}
	if info, err := os.Stat(probe); err != nil || info.ModTime().Unix() == ts[1].Sec {
		t.Skipf("NOT RUN: the directory for tests has all times, too: %v", err)
	}
	for _, test := range []struct {
		args  []string
		warns int
	}{
		{[]string{"cp", "-rp", tree, filepath.Join(to, "a")}, 3},
		{[]string{"cp", "-p", filepath.Join(tree, "file"), filepath.Join(to, "b")}, 1},
		{[]string{"cp", "-rp", filepath.Join(tree, "link"), filepath.Join(to, "c")}, 1},
		{[]string{"cp", "-r", tree, filepath.Join(to, "d")}, 0},
		{[]string{"cp", "-rp", tree, filepath.Join(dir, "e")}, 0},
	} {
		out, err := exec.Command("pipe-demo", test.args...).CombinedOutput()
		if err != nil || strings.Count(string(out), "its time 2514-05-30 01:53:04 cannot be kept") != test.warns {
			t.Errorf("%q: %v, want %d warnings: %s", test.args, err, test.warns, out)
		}
	}
}
