package sinks

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// renameNoReplace reports false where the kernel or the file system cannot do it.
func renameNoReplace(tree tree, dir *os.File, from, to string) (done bool, err error) {
	if _, ok := tree.(system); ok {
		return renameNoReplaceAt(unix.AT_FDCWD, from, to)
	}
	if dir == nil { // and the kernel does not know what the paths are relative to
		return false, nil
	}
	conn, err := dir.SyscallConn()
	if err != nil {
		return true, err
	}
	cerr := conn.Control(func(fd uintptr) {
		done, err = renameNoReplaceAt(int(fd), filepath.Base(from), filepath.Base(to))
	})
	if cerr != nil {
		return true, cerr
	}
	return done, err
}

func renameNoReplaceAt(dir int, from, to string) (done bool, err error) {
	for {
		err = unix.Renameat2(dir, from, dir, to, unix.RENAME_NOREPLACE)
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
