package ioctx

import (
	"os"
	"syscall"
)

func duplicate(f *os.File, _ int) (*os.File, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var h syscall.Handle
	cerr := conn.Control(func(old uintptr) {
		self, serr := syscall.GetCurrentProcess()
		if serr != nil {
			err = serr
			return
		}
		err = syscall.DuplicateHandle(self, syscall.Handle(old), self, &h, 0, false, syscall.DUPLICATE_SAME_ACCESS)
	})
	if cerr != nil {
		return nil, &os.PathError{Op: "dup", Path: f.Name(), Err: os.ErrClosed} // the only error of Control
	}
	if err != nil {
		return nil, &os.PathError{Op: "dup", Path: f.Name(), Err: err}
	}
	return os.NewFile(uintptr(h), f.Name()), nil
}

func checkDescriptor(int) error { return nil }

func descriptor(string) (fd int, ok bool) { return 0, false }
