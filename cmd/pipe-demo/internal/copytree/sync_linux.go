package copytree

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// local are the file systems whose syncfs(2) is known to make everything durable. FUSE returns success and does nothing, unless the file
// system asked for more; on a network the server decides.
var local = []int64{
	unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC,
	unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC, unix.NILFS_SUPER_MAGIC, unix.REISERFS_SUPER_MAGIC,
}

// syncsFileSystem reports whether syncFileSystem is as good as a sync of each file. It tries it, because a system may refuse the call.
func syncsFileSystem(dir *os.File) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(int(dir.Fd()), &st) != nil || !slices.Contains(local, int64(st.Type)) {
		return false
	}
	return syncFileSystem(dir) == nil
}

// syncFileSystem writes out all that a file system holds in memory.
func syncFileSystem(dir *os.File) error {
	for {
		if err := unix.Syncfs(int(dir.Fd())); err != unix.EINTR {
			return os.NewSyscallError("syncfs", err)
		}
	}
}
