package sinks

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/windows"
)

// rename puts from in the place of to, as MoveFileEx does with MOVEFILE_REPLACE_EXISTING.
func rename(tree tree, from, to string) error {
	return patiently(func() error { return tree.Rename(from, to) })
}

// patience is how long a rename waits for somebody else's handles: virus scanners and indexers open a new
// file for a moment.
const patience = time.Second

// patiently calls f again for a while if somebody else has the file open.
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
			return fmt.Errorf("%w (is it open in another program?)", err)
		}
		time.Sleep(wait)
	}
}
