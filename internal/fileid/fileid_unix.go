//go:build unix

package fileid

import (
	"io/fs"
	"os"
	"syscall"
)

func system(info fs.FileInfo) (ID, Time) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ID{}, Time{}
	}
	return ID{uint64(st.Dev), uint64(st.Ino)}, changeTime(st) //nolint:unconvert // the types differ between systems
}

func handle(*os.File) (ID, Time) { return ID{}, Time{} }

// device is the ID of a block device, which is one by whatever name.
func device(info fs.FileInfo) (ID, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Mode()&(fs.ModeDevice|fs.ModeCharDevice) != fs.ModeDevice {
		return ID{}, false
	}
	return ID{Device: uint64(st.Rdev)}, true //nolint:unconvert // the types differ between systems
}

// unallocated reports whether a file has no blocks.
func unallocated(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Blocks == 0
}
