package sinks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/sinks"
)

// System calls that fail in an otherwise healthy system are made to fail by a seccomp filter, in a child: it
// cannot be taken off again.

func init() {
	children["fault"] = func(args []string) error {
		var faults []fault
		for _, arg := range args[2:] {
			var f fault
			if _, err := fmt.Sscan(arg, &f.nr, &f.fd, &f.errno); err != nil {
				return err
			}
			faults = append(faults, f)
		}
		if err := fillDescriptors(); err != nil {
			return err
		}
		if err := inject(faults); err != nil {
			fmt.Fprint(os.Stderr, err)
			os.Exit(3)
		}
		return run(whileOpen(func() error {
			if args[1] == "late" {
				return os.WriteFile(args[0], []byte("late"), 0o666)
			}
			return nil
		}), sinks.FileWith(args[0], sinks.FileOptions{NoClobber: args[1] != ""}))
	}
}

// firstFD is the first descriptor that a child under fault gets for its files. The runtime has its own below it.
const firstFD = 20

// fillDescriptors opens all descriptors below firstFD.
func fillDescriptors() error {
	r, f, err := os.Pipe() // so that the runtime has what it waits with
	files = append(files, r, f)
	for err == nil && f.Fd() < firstFD-1 {
		f, err = os.Open(os.DevNull)
		files = append(files, f)
	}
	return err
}

var files []*os.File // that stay open

// fault makes system call nr fail with errno; only on one descriptor if fd is not negative.
type fault struct {
	nr, fd int
	errno  uintptr
}

func (f fault) String() string { return fmt.Sprint(f.nr, f.fd, f.errno) }

func inject(faults []fault) error {
	runtime.LockOSThread()
	var prog []unix.SockFilter
	stmt := func(code uint16, k uint32) { prog = append(prog, unix.SockFilter{Code: code, K: k}) }
	unless := func(k uint32, skip uint8) {
		prog = append(prog, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: skip, K: k})
	}
	const load, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_RET | unix.BPF_K
	for _, f := range faults {
		stmt(load, 0) // seccomp_data.nr
		if f.fd < 0 {
			unless(uint32(f.nr), 1)
		} else {
			unless(uint32(f.nr), 3)
			stmt(load, 16) // seccomp_data.args[0]
			unless(uint32(f.fd), 1)
		}
		stmt(ret, unix.SECCOMP_RET_ERRNO|uint32(f.errno))
	}
	stmt(ret, unix.SECCOMP_RET_ALLOW)
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return errno
	}
	return nil
}

// faulty runs a flow of "new" into an old file, or none, in a folder of its own, and returns what it
// printed, if it failed, and what is there afterwards. With noClobber == "late", somebody else's file appears
// during the run.
func faulty(t *testing.T, old bool, noClobber string, faults ...fault) (failed string, left map[string]string) {
	t.Helper()
	dir := t.TempDir()
	if old {
		write(t, filepath.Join(dir, "out"), "old")
	}
	args := []string{"fault", filepath.Join(dir, "out"), noClobber}
	for _, f := range faults {
		args = append(args, f.String())
	}
	cmd := child(t, args...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() == 3 {
		t.Skipf("NOT RUN: no seccomp filter here: %s", out)
	}
	if (err != nil) != (len(out) > 0) || strings.Contains(string(out), "goroutine") {
		t.Fatalf("%v:\n%s", err, out)
	}
	left = tree(t, dir)
	for name, content := range left {
		if content == whileOpenAll {
			left[name] = "new"
		}
	}
	return strings.ReplaceAll(string(out), dir, "DIR"), left
}

// Every step can fail. If the error does not say that the file is in place, nothing has changed.
func TestFileFaults(t *testing.T) {
	const eio, eperm, enosys = uintptr(unix.EIO), uintptr(unix.EPERM), uintptr(unix.ENOSYS)
	for _, tt := range []struct {
		name      string
		old       bool
		noClobber string
		faults    []fault
		want      string // "": it works all the same
		left      map[string]string
	}{
		{"fsync", false, "", []fault{{unix.SYS_FSYNC, -1, eio}}, "DIR/out: sync: input/output error", map[string]string{}},
		{"fsync", true, "", []fault{{unix.SYS_FSYNC, -1, eio}}, "DIR/out: sync: input/output error", map[string]string{"out": "old"}},
		{"write", true, "", []fault{{unix.SYS_WRITE, firstFD, eio}, {unix.SYS_WRITE, firstFD + 1, eio}, {unix.SYS_WRITE, firstFD + 2, eio}},
			"DIR/out: write: input/output error", map[string]string{"out": "old"}},
		{"chmod", true, "", []fault{{unix.SYS_FCHMOD, -1, eperm}}, "", map[string]string{"out": "new"}},
		{"rename", true, "", []fault{{unix.SYS_RENAMEAT, -1, eio}, {unix.SYS_RENAME, -1, eio}},
			"DIR/out: rename: input/output error", map[string]string{"out": "old"}},
		{"flock", true, "", []fault{{unix.SYS_FLOCK, -1, enosys}}, "", map[string]string{"out": "new"}},
		{"create-only rename", false, "yes", []fault{{unix.SYS_RENAMEAT2, -1, eio}}, "DIR/out: rename: input/output error", map[string]string{}},
		{"no create-only rename", false, "yes", []fault{{unix.SYS_RENAMEAT2, -1, enosys}}, "", map[string]string{"out": "new"}},
		{"no create-only rename, and a file appears", false, "late", []fault{{unix.SYS_RENAMEAT2, -1, enosys}},
			"DIR/out: link: file exists", map[string]string{"out": "late"}},
		{"neither rename nor link", false, "yes", []fault{{unix.SYS_RENAMEAT2, -1, enosys}, {unix.SYS_LINKAT, -1, eperm}},
			"", map[string]string{"out": "new"}},
		{"nor any rename", false, "yes", []fault{{unix.SYS_RENAMEAT2, -1, enosys}, {unix.SYS_LINKAT, -1, eperm}, {unix.SYS_RENAMEAT, -1, eio}},
			"DIR/out: rename: input/output error", map[string]string{}},
		{"neither rename nor link, and a file appears", false, "late", []fault{{unix.SYS_RENAMEAT2, -1, enosys}, {unix.SYS_LINKAT, -1, enosys}},
			"DIR/out: file exists", map[string]string{"out": "late"}},
	} {
		t.Run(fmt.Sprintf("%s/old=%t", tt.name, tt.old), func(t *testing.T) {
			got, left := faulty(t, tt.old, tt.noClobber, tt.faults...)
			if got != tt.want || fmt.Sprint(left) != fmt.Sprint(tt.left) {
				t.Errorf("got %q, left %v\nwant %q, left %v", got, left, tt.want, tt.left)
			}
		})
	}
}

// Whichever descriptor the folder and the file have: to sync or close them fails once each.
func TestFileFaultsByDescriptor(t *testing.T) {
	seen := map[string]int{}
	for _, nr := range []int{unix.SYS_FSYNC, unix.SYS_CLOSE} {
		for fd := firstFD; fd < firstFD+6; fd++ {
			got, left := faulty(t, true, "", fault{nr, fd, uintptr(unix.EIO)})
			want := "old"
			if got == "" || strings.HasPrefix(got, "DIR/out: is in place, but may be lost") {
				want = "new"
			}
			if len(left) != 1 || left["out"] != want {
				t.Errorf("system call %d, descriptor %d: got %q, left %v", nr, fd, got, left)
			}
			seen[got]++
		}
	}
	for _, want := range []string{
		"",
		"DIR/out: sync: input/output error",
		"DIR/out: close: input/output error",
		"DIR/out: is in place, but may be lost if the system crashes now: sync DIR/: input/output error",
	} {
		if seen[want] == 0 {
			t.Errorf("not seen: %q", want)
		}
	}
	if t.Failed() {
		t.Log(seen)
	}
}
