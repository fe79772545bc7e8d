//go:build unix && !aix && !solaris

package atomicfile

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// keepOwner gives f the owner and the group of an old file, as far as it can, and reports whether the group
// is right.
func keepOwner(f *os.File, old stat) (group bool) {
	have, err := statFile(f)
	if err != nil {
		return false
	}
	if old.uid == have.uid && old.gid == have.gid || f.Chown(int(old.uid), int(old.gid)) == nil {
		return true
	}
	return old.gid == have.gid || f.Chown(-1, int(old.gid)) == nil
}

// mayNotOwn reports whether a chown failed for want of a right, or because the file system has no owners.
func mayNotOwn(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EINVAL) || errors.Is(err, errors.ErrUnsupported)
}
