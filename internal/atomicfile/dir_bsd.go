//go:build unix && !aix && !solaris && !linux && !darwin

package atomicfile

import "golang.org/x/sys/unix"

const searchOnly = unix.O_RDONLY // so a directory that may not be read is an error

// renameNew cannot be done here.
func (d *dir) renameNew(string, *dir, string) (done bool, err error) { return false, nil }

// syncFD syncs what is open as fd.
func syncFD(fd int, _ Sync) error { return again(func() error { return unix.Fsync(fd) }) }
