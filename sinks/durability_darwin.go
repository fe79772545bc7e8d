package sinks

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFile syncs f. [os.File.Sync] is F_FULLFSYNC here.
func syncFile(f *os.File, d Durability) error {
	if d == DurabilityFull {
		return f.Sync()
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	cerr := conn.Control(func(fd uintptr) {
		for {
			if err = unix.Fsync(int(fd)); !errors.Is(err, unix.EINTR) {
				return
			}
		}
	})
	if cerr != nil {
		return cerr
	}
	if err != nil {
		return &os.PathError{Op: "sync", Path: f.Name(), Err: err}
	}
	return nil
}
