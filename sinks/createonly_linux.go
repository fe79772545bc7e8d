package sinks

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameNoReplace reports false where the kernel or the file system cannot do it.
func renameNoReplace(from, to string) (done bool, err error) {
	for {
		err = unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, errors.ErrUnsupported), errors.Is(err, unix.EPERM): // old sandboxes say EPERM
		return false, nil
	}
	return true, &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
}
