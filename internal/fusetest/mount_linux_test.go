package fusetest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/internal/fusetest"
)

func TestMountRefuses(t *testing.T) {
	ops := []fusetest.Op{
		fusetest.Create, fusetest.Symlink, fusetest.Link, fusetest.RenameNew, fusetest.Unlink, fusetest.Write, fusetest.Chmod,
		fusetest.Chown, fusetest.Utimes, fusetest.Truncate, fusetest.Fallocate, fusetest.Flock, fusetest.Fsync, fusetest.FsyncDir, fusetest.SetXattr,
	}
	var refused atomic.Value
	refused.Store(fusetest.Op(""))
	dir, below := fusetest.Mount(t, fusetest.Options{NameMax: 143, Fail: func(op fusetest.Op, _ string) syscall.Errno {
		if op == refused.Load() {
			return syscall.EIO
		}
		return 0
	}})
	name := filepath.Join(dir, "f")
	try := func(op fusetest.Op) error {
		if err := os.WriteFile(filepath.Join(below, "f"), []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fd := int(f.Fd())
		switch other := filepath.Join(dir, "other"); op {
		case fusetest.Create:
			err = os.WriteFile(other, nil, 0o666)
		case fusetest.Symlink:
			err = os.Symlink("f", other)
		case fusetest.Link:
			err = os.Link(name, other)
		case fusetest.RenameNew:
			err = unix.Renameat2(unix.AT_FDCWD, name, unix.AT_FDCWD, other, unix.RENAME_NOREPLACE)
		case fusetest.Unlink:
			err = os.Remove(name)
		case fusetest.Write:
			_, err = f.Write([]byte("y"))
		case fusetest.Chmod:
			err = f.Chmod(0o600)
		case fusetest.Chown:
			err = f.Chown(os.Getuid(), os.Getgid())
		case fusetest.Utimes:
			err = unix.Futimes(fd, []unix.Timeval{{Sec: 1}, {Sec: 2}})
		case fusetest.Truncate:
			err = f.Truncate(10)
		case fusetest.Fallocate:
			err = unix.Fallocate(fd, 0, 0, 10)
		case fusetest.Flock:
			err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		case fusetest.Fsync:
			err = f.Sync()
		case fusetest.FsyncDir:
			d, oerr := os.Open(dir)
			if oerr != nil {
				t.Fatal(oerr)
			}
			defer d.Close()
			err = d.Sync()
		case fusetest.SetXattr:
			err = unix.Fsetxattr(fd, "user.a", []byte("b"), 0)
		}
		_ = os.Remove(filepath.Join(below, "other"))
		return err
	}
	for _, op := range ops {
		if err := try(op); err != nil {
			t.Errorf("%s, not refused: %v", op, err)
		}
		refused.Store(op)
		if err := try(op); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s, refused: %v, want %v", op, err, syscall.EIO)
		}
		refused.Store(fusetest.Op(""))
	}
	if err := os.WriteFile(filepath.Join(dir, strings.Repeat("n", 144)), nil, 0o666); !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Errorf("a name of 144 bytes: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, strings.Repeat("n", 143)), nil, 0o666); err != nil {
		t.Errorf("a name of 143 bytes: %v", err)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Namelen != 143 {
		t.Errorf("statfs: names of %d bytes, %v", st.Namelen, err)
	}
}
