//go:build darwin || freebsd || dragonfly

package fileid

import (
	"os"

	"golang.org/x/sys/unix"
)

// fileSystem returns the name of the file system that f is in; "" if it cannot be found out.
func fileSystem(f *os.File) string {
	conn, err := f.SyscallConn()
	if err != nil {
		return ""
	}
	var st unix.Statfs_t
	cerr := conn.Control(func(fd uintptr) { err = unix.Fstatfs(int(fd), &st) })
	if cerr != nil || err != nil {
		return ""
	}
	return unix.ByteSliceToString(st.Fstypename[:])
}
