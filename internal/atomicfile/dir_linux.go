package atomicfile

import (
	"errors"

	"golang.org/x/sys/unix"
)

const searchOnly = unix.O_PATH

// renameNew is rename to a name that must not be taken: else its error is fs.ErrExist. done is false where
// the kernel or the file system cannot do it.
func (d *dir) renameNew(from string, at *dir, to string) (done bool, err error) {
	err = again(func() error { return unix.Renameat2(d.fd, from, at.fd, to, unix.RENAME_NOREPLACE) })
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, errors.ErrUnsupported), errors.Is(err, unix.EPERM): // old sandboxes say EPERM
		return false, nil
	}
	return true, err
}

// syncFD syncs what is open as fd, which here goes down to the medium with each Sync.
func syncFD(fd int, _ Sync) error { return again(func() error { return unix.Fsync(fd) }) }
