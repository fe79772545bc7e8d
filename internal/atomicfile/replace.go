package atomicfile

import (
	"errors"
	"io/fs"
	"syscall"
)

// A ReplaceError says why a file cannot be replaced by another one that has its name. It may be possible to write
// over it: see [Destination.Overwrite].
type ReplaceError struct {
	Err    error // what is in the way
	Closed bool  // the directory does not let this user replace it
}

func (e *ReplaceError) Error() string { return "cannot be replaced: " + e.Err.Error() }
func (e *ReplaceError) Unwrap() error { return e.Err }

// CheckReplace fails if it is known that what is there cannot be replaced: with a [*ReplaceError] if it may be
// possible to write over it.
func (d *Destination) CheckReplace() error {
	if !d.exists || d.Special() {
		return nil
	}
	if err := d.dir.obstacle(d.base, d.old); err != nil {
		return d.failed("open", err)
	}
	return nil
}

// refused is an error of an operation on the way to replace a file.
func (d *Destination) refused(op string, err error) error {
	for _, errno := range []error{fs.ErrPermission, syscall.EROFS, syscall.EBUSY, syscall.EXDEV} {
		if errors.Is(err, errno) && d.exists && d.dir.writable(d.base) {
			return d.failed(op, &ReplaceError{Err: bare(err), Closed: op == "open"})
		}
	}
	return d.failed(op, err)
}

// withoutGroup is the mode of a file that has lost its group. The new group were others before, and the old
// one are others now.
func withoutGroup(mode fs.FileMode) fs.FileMode {
	both := mode >> 3 & mode & 0o007
	return mode&0o700 | both<<3 | both
}
