package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// renameNew is rename to a name that must not be taken: else its error is fs.ErrExist. done is false in an
// [os.Root] of the caller, whose Rename replaces.
func (d *dir) renameNew(from string, at *dir, to string) (done bool, err error) {
	if !d.own || !at.own {
		return false, nil
	}
	old, err := windows.UTF16PtrFromString(d.path + from)
	if err != nil {
		return true, err
	}
	name, err := windows.UTF16PtrFromString(at.path + to)
	if err != nil {
		return true, err
	}
	return true, patiently(func() error { return windows.MoveFileEx(old, name, windows.MOVEFILE_WRITE_THROUGH) })
}

// patience is how long a rename waits for other processes' handles: virus scanners and indexers open a new
// file for a moment.
const patience = time.Second

// patiently calls f again for a while if another process has the file open.
func patiently(f func() error) error {
	begin := time.Now()
	for wait := time.Millisecond; ; wait *= 2 {
		err := f()
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, windows.ERROR_SHARING_VIOLATION) && !errors.Is(err, windows.ERROR_ACCESS_DENIED) && !errors.Is(err, windows.ERROR_LOCK_VIOLATION):
			return err
		case time.Since(begin)+wait > patience:
			return fmt.Errorf("%w (is it open in another program?)", bare(err))
		}
		time.Sleep(wait)
	}
}

// A lock is nothing here: it would end with the file's handle, and an open file cannot be renamed.
type lock struct{}

var noLock lock

func take(*os.File) (l lock, held, known bool, err error) { return noLock, true, false, nil }

// takeOwn locks a file that is opened again and again under one name, until it is closed: a byte far behind
// its end, because what is locked cannot be read.
func takeOwn(f *os.File) (l lock, held bool, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return noLock, true, nil
	}
	at := windows.Overlapped{OffsetHigh: 1 << 30}
	cerr := conn.Control(func(fd uintptr) {
		const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
		err = windows.LockFileEx(windows.Handle(fd), flags, 0, 1, 0, &at)
	})
	return noLock, cerr != nil || !errors.Is(err, windows.ERROR_LOCK_VIOLATION), nil
}

func (*lock) release() {}
