package copytree

import (
	"os"

	"golang.org/x/sys/unix"
)

const canSyncFileSystem = true

// syncFileSystem writes out all that a file system holds in memory.
func syncFileSystem(dir *os.File) error {
	for {
		if err := unix.Syncfs(int(dir.Fd())); err != unix.EINTR {
			return os.NewSyscallError("syncfs", err)
		}
	}
}
