package sinks

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// hasLocks says that a file without a lock may be in use.
const hasLocks = false

// lock: a lock would end with the handle, and an open file cannot be renamed.
func lock(*os.File) (dup *os.File, mine bool) { return nil, true }

// lockOwn locks a file that is opened again and again under one name, until it is closed: a byte far behind its
// end, because what is locked cannot be read.
func lockOwn(f *os.File) (dup *os.File, mine bool) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, true
	}
	at := windows.Overlapped{OffsetHigh: 1 << 30}
	cerr := conn.Control(func(fd uintptr) {
		const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
		err = windows.LockFileEx(windows.Handle(fd), flags, 0, 1, 0, &at)
	})
	return nil, cerr != nil || !errors.Is(err, windows.ERROR_LOCK_VIOLATION)
}

func removeUnlocked(tree, string) {}
