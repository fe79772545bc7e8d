package atomicfile

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// A lock is nothing here: it would end with the file's handle, and an open file cannot be renamed.
type lock struct{}

var noLock lock

func take(*os.File) (l lock, held, known bool) { return noLock, true, false }

// takeOwn locks a file that is opened again and again under one name, until it is closed: a byte far behind
// its end, because what is locked cannot be read.
func takeOwn(f *os.File) (l lock, held bool) {
	conn, err := f.SyscallConn()
	if err != nil {
		return noLock, true
	}
	at := windows.Overlapped{OffsetHigh: 1 << 30}
	cerr := conn.Control(func(fd uintptr) {
		const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
		err = windows.LockFileEx(windows.Handle(fd), flags, 0, 1, 0, &at)
	})
	return noLock, cerr != nil || !errors.Is(err, windows.ERROR_LOCK_VIOLATION)
}

func (*lock) release() {}
