package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/fusetest"
)

// What a file system cannot do and does not have to do is no error.
func TestFileSystemsThatRefuse(t *testing.T) {
	many := []fusetest.Op{fusetest.Link, fusetest.RenameNew, fusetest.Chmod, fusetest.Chown, fusetest.Utimes, fusetest.Fallocate, fusetest.Flock, fusetest.FsyncDir, fusetest.SetXattr}
	for _, test := range []struct {
		name  string
		errno syscall.Errno
		ops   []fusetest.Op
	}{
		{"no rename that replaces nothing", syscall.EINVAL, many[1:2]},
		{"likewise, not implemented", syscall.ENOSYS, many[1:2]},
		{"neither that nor links", syscall.EINVAL, many[:2]},
		{"likewise, not permitted", syscall.EPERM, many[:2]},
		{"likewise, not supported", syscall.EOPNOTSUPP, many[:2]},
		{"no links", syscall.EPERM, many[:1]},
		{"no modes", syscall.EPERM, many[2:3]},
		{"likewise, not supported", syscall.EOPNOTSUPP, many[2:3]},
		{"no owners", syscall.EPERM, many[3:4]},
		{"no times", syscall.EPERM, many[4:5]},
		{"no allocation", syscall.EOPNOTSUPP, many[5:6]},
		{"no locks", syscall.ENOSYS, many[6:7]},
		{"no sync of directories", syscall.EINVAL, many[7:8]},
		{"nothing of all that", syscall.EPERM, many[:7]},
		{"likewise, not supported", syscall.EOPNOTSUPP, many},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, below := fusetest.Mount(t, fusetest.Options{Fail: fusetest.Refuse(test.errno, test.ops...)})
			name := filepath.Join(dir, "out")
			want := modeOfANewFile(t)
			for i, opts := range []atomicfile.Options{{CreateOnly: true}, {}, {Mode: 0o600}} {
				content := strings.Repeat("new", i+1)
				if err := atomicfile.WriteFile(nil, name, []byte(content), opts); err != nil {
					t.Fatalf("%+v: %v", opts, err)
				}
				wantTree(t, below, map[string]string{"out": content})
				info, err := os.Stat(name)
				if err != nil || info.Mode() != want {
					t.Errorf("%+v: %v, %v", opts, info.Mode(), err)
				}
			}
			same := atomicfile.Options{Mode: 0o600, Owner: &atomicfile.Owner{UID: os.Geteuid(), GID: os.Getegid(), Required: true}}
			if err := atomicfile.WriteFile(nil, name, []byte("newer"), same); err != nil {
				t.Errorf("%+v: %v", same, err)
			}
			if err := atomicfile.WriteFile(nil, name, []byte("refused"), atomicfile.Options{CreateOnly: true}); !errors.Is(err, fs.ErrExist) {
				t.Errorf("a file that exists: %v", err)
			}
			wantTree(t, below, map[string]string{"out": "newer"})
			if info, err := os.Stat(name); err != nil || info.Mode() != 0o600 {
				t.Errorf("%+v: %v, %v", same, info.Mode(), err)
			}
		})
	}
}

// modeOfANewFile is what the umask leaves of 0666.
func modeOfANewFile(t *testing.T) fs.FileMode {
	t.Helper()
	name := filepath.Join(t.TempDir(), "new")
	write(t, name, "")
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

// A file that appears while another is written is not replaced, wherever it appears.
func TestCreateOnlyOnAFileSystemThatRefuses(t *testing.T) {
	var appears atomic.Value // an Op
	var below string
	dir, below := fusetest.Mount(t, fusetest.Options{Fail: func(op fusetest.Op, name string) syscall.Errno {
		if op == appears.Load() && name == "out" {
			_ = os.Remove(filepath.Join(below, "out"))
			if err := os.WriteFile(filepath.Join(below, "out"), []byte("other"), 0o666); err != nil {
				t.Error(err)
			}
		}
		return fusetest.Refuse(syscall.EPERM, fusetest.Link, fusetest.RenameNew)(op, name)
	}})
	for _, before := range []fusetest.Op{fusetest.RenameNew, fusetest.Link, fusetest.Create} {
		appears.Store(before)
		err := atomicfile.WriteFile(nil, filepath.Join(dir, "out"), []byte("new"), atomicfile.Options{CreateOnly: true})
		if !errors.Is(err, fs.ErrExist) {
			t.Errorf("it appears before %s: %v", before, err)
		}
		wantTree(t, below, map[string]string{"out": "other"})
		if err := os.Remove(filepath.Join(below, "out")); err != nil {
			t.Fatal(err)
		}
	}
}

// While a name is reserved, others see no part of the file.
func TestReservedName(t *testing.T) {
	var below string
	var seen atomic.Int32
	refuse := fusetest.Refuse(syscall.ENOSYS, fusetest.Link, fusetest.RenameNew)
	dir, below := fusetest.Mount(t, fusetest.Options{Fail: func(op fusetest.Op, name string) syscall.Errno {
		errno := refuse(op, name)
		if op == fusetest.Rename && name == "out" {
			info, err := os.Stat(filepath.Join(below, "out"))
			if errors.Is(err, fs.ErrNotExist) {
				return errno // the rename that replaces nothing, which is about to be refused
			}
			if seen.Add(1); err != nil || info.Size() != 0 || info.Mode() != 0o200 {
				t.Errorf("the reserved name: %v, %v", info, err)
			}
		}
		return errno
	}})
	if err := atomicfile.WriteFile(nil, filepath.Join(dir, "out"), []byte("new"), atomicfile.Options{CreateOnly: true}); err != nil {
		t.Error(err)
	}
	wantTree(t, below, map[string]string{"out": "new"})
	if seen.Load() != 1 {
		t.Errorf("the name was reserved %d times", seen.Load())
	}
}

// A process that is killed while it has reserved a name leaves an empty file, whose mode does not stay.
func TestReplacingAReservedName(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(name, nil, 0o200); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.WriteFile(nil, name, []byte("new"), atomicfile.Options{CreateOnly: true}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create-only: %v", err)
	}
	if err := atomicfile.WriteFile(nil, name, []byte("new"), atomicfile.Options{}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode() != modeOfANewFile(t) {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// Whatever fails, there is the old file or none, and nothing beside it, and the error names the call and the file.
func TestFileSystemThatFails(t *testing.T) {
	for _, test := range []struct {
		op     fusetest.Op
		errno  syscall.Errno
		opts   atomicfile.Options
		want   string
		refuse []fusetest.Op
	}{
		{op: fusetest.Create, errno: syscall.ENOSPC, want: "open"},
		{op: fusetest.Write, errno: syscall.EIO, want: "write"},
		{op: fusetest.Fsync, errno: syscall.EIO, want: "sync"},
		{op: fusetest.Chmod, errno: syscall.EPERM, want: "chmod", opts: atomicfile.Options{Mode: 0o666, Owner: &atomicfile.Owner{UID: -1, GID: -1}}},
		{op: fusetest.Chown, errno: syscall.EPERM, want: "chown", opts: atomicfile.Options{Owner: &atomicfile.Owner{UID: 7, GID: 7, Required: true}}},
		{op: fusetest.Utimes, errno: syscall.EPERM, want: "chtimes", opts: atomicfile.Options{ModTime: aTime}},
		{op: fusetest.Rename, errno: syscall.EIO, want: "rename"},
		{op: fusetest.Rename, errno: syscall.EBUSY, want: "rename"},
		{op: fusetest.Rename, errno: syscall.EXDEV, want: "rename"},
		{op: fusetest.Rename, errno: syscall.EIO, want: "rename", opts: atomicfile.Options{CreateOnly: true}},
		{op: fusetest.Rename, errno: syscall.EPERM, want: "rename", opts: atomicfile.Options{CreateOnly: true}, refuse: []fusetest.Op{fusetest.Link}},
	} {
		for _, old := range []bool{false, true} {
			if old && test.opts.CreateOnly {
				continue
			}
			dir, below := fusetest.Mount(t, fusetest.Options{Fail: func(op fusetest.Op, name string) syscall.Errno {
				if op == test.op {
					return test.errno
				}
				return fusetest.Refuse(syscall.EPERM, test.refuse...)(op, name)
			}})
			want := map[string]string{}
			if old {
				write(t, filepath.Join(below, "out"), "old")
				want["out"] = "old"
			}
			name := filepath.Join(dir, "out")
			err := atomicfile.WriteFile(nil, name, []byte("new"), test.opts)
			if !errors.Is(err, test.errno) || !strings.HasPrefix(err.Error(), test.want+" "+name+": ") {
				t.Errorf("%s, %v, old=%t: %v", test.op, test.errno, old, err)
			}
			_, obstacle := errors.AsType[*atomicfile.ReplaceError](err)
			if want := old && (test.errno == syscall.EBUSY || test.errno == syscall.EXDEV); obstacle != want {
				t.Errorf("%s, %v, old=%t: %v: a *ReplaceError: %t", test.op, test.errno, old, err, obstacle)
			}
			wantTree(t, below, want)
		}
	}
}

var aTime = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
