//go:build unix && !aix && !solaris

package atomicfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// A lock marks a file as being in use, from taking it until release. It is a descriptor of its own, because
// it has to outlast the file's close.
type lock struct{ fd int }

var noLock = lock{-1}

// take locks f. held is false if another process has the lock. Where the file system has no locks, known is
// false, and the file is free for all that is known. Without a descriptor for the lock, which would end with the file's
// close, it fails.
func take(f *os.File) (l lock, held, known bool, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return noLock, true, false, nil
	}
	var refused error
	l = noLock
	cerr := conn.Control(func(fd uintptr) {
		if refused = again(func() error { return unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB) }); refused == nil {
			l.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		}
	})
	switch {
	case err != nil:
		return noLock, true, true, err
	case errors.Is(refused, unix.EWOULDBLOCK):
		return noLock, false, true, nil
	case cerr != nil || refused != nil:
		return noLock, true, false, nil
	}
	return l, true, true, nil
}

// takeOwn is take for a file that is opened again and again under one name.
func takeOwn(f *os.File) (l lock, held bool, err error) {
	l, held, _, err = take(f)
	return l, held, err
}

func (l *lock) release() {
	if l.fd >= 0 {
		_ = unix.Flock(l.fd, unix.LOCK_UN) // FUSE file systems learn of a close only later
		unix.Close(l.fd)
		l.fd = -1
	}
}
