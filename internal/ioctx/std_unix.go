//go:build unix && !aix

package ioctx

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// duplicate returns another file for what f refers to, for reading (O_RDONLY) or writing (O_WRONLY).
func duplicate(f *os.File, mode int) (*os.File, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var closed error
	cerr := conn.Control(func(old uintptr) {
		if closed = CheckDescriptor(int(old)); closed != nil {
			return
		}
		var ok bool
		if fd, ok = reopen(int(old), mode); !ok {
			fd, err = dup(int(old))
		}
	})
	if cerr != nil {
		return nil, &os.PathError{Op: "dup", Path: f.Name(), Err: os.ErrClosed} // the only error of Control
	}
	if closed != nil {
		return nil, closed
	}
	if err != nil {
		return nil, &os.PathError{Op: "dup", Path: f.Name(), Err: err}
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

func checkDescriptor(fd int) error {
	if fd > 2 {
		return nil
	}
	var st, null unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return unix.EBADF
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || unix.Stat(os.DevNull, &null) != nil || st.Rdev != null.Rdev {
		return nil
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err == nil && flags&unix.O_ACCMODE == unix.O_RDWR {
		return unix.EBADF
	}
	return nil
}

// dup duplicates fd to a number above 2: on EPIPE, the runtime ends the process for 1 and 2.
func dup(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
}

func descriptor(name string) (fd int, ok bool) {
	for range 40 { // as many links as Linux follows
		for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
			if n, found := strings.CutPrefix(name, dir); found {
				fd, err := strconv.ParseUint(n, 10, 31)
				return int(fd), err == nil
			}
		}
		to, err := os.Readlink(name)
		switch {
		case err != nil:
			return 0, false
		case strings.HasPrefix(to, "/"):
			name = to
		default:
			name = name[:strings.LastIndexByte(name, '/')+1] + to
		}
	}
	return 0, false
}
