//go:build unix

package sources

import (
	"io/fs"
	"syscall"
)

// unallocated reports whether a file has no blocks.
func unallocated(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Blocks == 0
}
