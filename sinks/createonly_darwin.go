package sinks

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameNoReplace reports false where the file system cannot do it, and in an [os.Root].
func renameNoReplace(tree tree, _ *os.File, from, to string) (done bool, err error) {
	if _, ok := tree.(system); !ok {
		return false, nil
	}
	err = unix.RenamexNp(from, to, unix.RENAME_EXCL)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, errors.ErrUnsupported):
		return false, nil
	}
	return true, &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
}
