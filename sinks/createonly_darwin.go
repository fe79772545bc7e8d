package sinks

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameNoReplace reports false where the file system cannot do it.
func renameNoReplace(from, to string) (done bool, err error) {
	err = unix.RenamexNp(from, to, unix.RENAME_EXCL)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, errors.ErrUnsupported):
		return false, nil
	}
	return true, &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
}
