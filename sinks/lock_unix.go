//go:build unix && !aix && !solaris

package sinks

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// hasLocks says that a file without a lock is not in use.
const hasLocks = true

// lock marks f as being in use, as long as the file that it returns is open: a duplicate, because the lock
// has to outlast f's close. The duplicate is nil if the file system has no locks. If somebody else has the
// lock, mine is false.
func lock(f *os.File) (dup *os.File, mine bool) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, true
	}
	fd := -1
	cerr := conn.Control(func(orig uintptr) {
		if err = flock(int(orig)); err == nil {
			fd, err = unix.FcntlInt(orig, unix.F_DUPFD_CLOEXEC, 0)
		}
	})
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, false
	case cerr != nil || err != nil:
		return nil, true
	}
	return os.NewFile(uintptr(fd), f.Name()), true
}

// lockOwn is lock for a file that is opened again and again under one name.
func lockOwn(f *os.File) (dup *os.File, mine bool) { return lock(f) }

func flock(fd int) error {
	for {
		if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// removeUnlocked removes the file at path if it is a regular one and nobody holds its lock. The lock is
// held meanwhile, so that nobody can begin to use the file.
func removeUnlocked(tree tree, path string) {
	f, err := tree.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return
	}
	if dup, mine := lock(f); mine && dup != nil {
		defer dup.Close()
		if isAt(tree, path, f) {
			_ = tree.Remove(path)
		}
	}
}
