//go:build unix && !aix && !solaris

package sinks

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// openDir opens the folder for a later sync. One that may be written to but not read cannot be opened, and
// is not synced. O_NONBLOCK means nothing for a folder, and spares the os package four system calls.
func openDir(tree tree, name string) (*os.File, error) {
	if name == "" {
		name = "."
	}
	f, err := tree.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	return f, err
}

// cannotSync reports whether err means that the file system does not sync folders.
func cannotSync(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, errors.ErrUnsupported)
}
