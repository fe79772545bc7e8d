//go:build unix && !aix

package ioctx

import (
	"os"

	"golang.org/x/sys/unix"
)

// open gives a file of its own for what f refers to, for reading (O_RDONLY) or writing (O_WRONLY).
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
		return nil, &os.PathError{Op: "dup", Path: f.Name(), Err: os.ErrClosed} // what else Control can fail for
	}
	if err != nil {
		return nil, &os.PathError{Op: "dup", Path: f.Name(), Err: err}
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// dup duplicates fd to a number above 2: what the runtime does on EPIPE depends on the number.
func dup(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
}
