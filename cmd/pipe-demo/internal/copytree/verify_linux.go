package copytree

import (
	"os"

	"golang.org/x/sys/unix"
)

// dropCached makes the system forget what it holds of a file in memory, so that it is read from the device. What is not
// there yet could not be forgotten, so it is written first.
func dropCached(f *os.File) error {
	if err := f.Sync(); err != nil {
		return err
	}
	unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) // advice: a file system without it reads from memory
	return nil
}
