//go:build unix && !aix

package ioctx

import (
	"os"

	"golang.org/x/sys/unix"
)

// open returns another file for what f refers to, for reading (O_RDONLY) or writing (O_WRONLY).
func open(f *os.File, mode int) (*os.File, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	cerr := conn.Control(func(old uintptr) {
		var ok bool
		if fd, ok = reopen(int(old), mode); !ok {
			fd, err = dup(int(old))
		}
	})
	if cerr != nil {
		return nil, &os.PathError{Op: "dup", Path: f.Name(), Err: os.ErrClosed} // the only error of Control
	}
	if err != nil {
		return nil, &os.PathError{Op: "dup", Path: f.Name(), Err: err}
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// dup duplicates fd to a number above 2: on EPIPE, the runtime ends the process for 1 and 2.
func dup(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
}
