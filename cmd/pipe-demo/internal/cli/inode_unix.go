//go:build unix

package cli

import (
	"fmt"
	"io/fs"
	"syscall"
)

// inode distinguishes files that have had the same name, one after the other.
func inode(info fs.FileInfo) string {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf(", inode %d", st.Ino)
	}
	return ""
}
