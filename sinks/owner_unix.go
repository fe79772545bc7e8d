//go:build unix && !aix && !solaris

package sinks

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// keepOwner gives f the owner and the group of an old file, as far as it can, and reports whether the group
// is right.
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

// mayNotOwn reports whether a chown failed for want of a right, or because the file system has no owners.
func mayNotOwn(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EINVAL) || errors.Is(err, errors.ErrUnsupported)
}
