package atomicfile

import (
	"errors"

	"golang.org/x/sys/unix"
)

const searchOnly = unix.O_SEARCH

// renameNew is rename to a name that must not be taken: else its error is fs.ErrExist. done is false where
// the file system cannot do it.
func (d *dir) renameNew(from string, at *dir, to string) (done bool, err error) {
	err = again(func() error { return unix.RenameatxNp(d.fd, from, at.fd, to, unix.RENAME_EXCL) })
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, errors.ErrUnsupported):
		return false, nil
	}
	return true, err
}

// syncFD syncs what is open as fd. Only F_FULLFSYNC flushes the drive's cache.
func syncFD(fd int, s Sync) error {
	if s == SyncFull {
		err := again(func() error {
			_, err := unix.FcntlInt(uintptr(fd), unix.F_FULLFSYNC, 0)
			return err
		})
		if !errors.Is(err, unix.ENOTSUP) { // as network file systems say
			return err
		}
	}
	return again(func() error { return unix.Fsync(fd) })
}
