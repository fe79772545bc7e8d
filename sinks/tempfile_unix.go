//go:build unix && !aix && !solaris

package sinks

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lock marks f as being in use, as long as the file that it returns is open: a duplicate, because the lock has to outlast
// f's close. It returns nil if the file system has no locks.
func lock(f *os.File) *os.File {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil
	}
	dup := -1
	cerr := conn.Control(func(fd uintptr) {
		if err = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			dup, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		}
	})
	if cerr != nil || err != nil {
		return nil
	}
	return os.NewFile(uintptr(dup), f.Name())
}

// openDir opens the folder for a later sync. One that may be written to but not read cannot be opened, and is not synced.
func openDir(name string) (*os.File, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	return f, err
}

// cannotSync reports whether err means that the file system does not sync folders.
func cannotSync(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, errors.ErrUnsupported)
}

// keepOwner gives f the owner and the group of an old file, as far as it can, and reports whether the group is right.
func keepOwner(f *os.File, old fs.FileInfo) (group bool) {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	want, ok1 := old.Sys().(*syscall.Stat_t)
	have, ok2 := info.Sys().(*syscall.Stat_t)
	if !ok1 || !ok2 || want.Uid == have.Uid && want.Gid == have.Gid {
		return true
	}
	if f.Chown(int(want.Uid), int(want.Gid)) == nil {
		return true
	}
	return want.Gid == have.Gid || f.Chown(-1, int(want.Gid)) == nil
}
