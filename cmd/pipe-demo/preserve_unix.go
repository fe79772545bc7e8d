//go:build unix

package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// keepTimesAndOwner gives a copy the times of its source, and the owner if this user may.
func keepTimesAndOwner(path string, info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		err := os.Chown(path, int(st.Uid), int(st.Gid))
		if err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
		if err == nil { // chown clears set-uid and set-gid, and may clear more
			if err := os.Chmod(path, info.Mode()); err != nil {
				return err
			}
		}
	}
	return os.Chtimes(path, time.Time{}, info.ModTime())
}
