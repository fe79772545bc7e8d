//go:build unix

package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// keepTimesAndOwner gives a copy the mode and the time of its source, and the owner if this user may.
func keepTimesAndOwner(path string, info fs.FileInfo) error {
	mode := info.Mode()
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		switch err := os.Chown(path, int(st.Uid), int(st.Gid)); {
		case errors.Is(err, fs.ErrPermission):
			mode &^= fs.ModeSetuid | fs.ModeSetgid // they would mean somebody else
		case err != nil:
			return err
		}
	}
	if err := os.Chmod(path, mode); err != nil { // after chown, which clears bits
		return err
	}
	return os.Chtimes(path, time.Time{}, info.ModTime())
}
