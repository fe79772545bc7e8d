package atomicfile

import (
	"errors"
	"fmt"
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
