package atomicfile

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// extents walks over the data and the holes of a file that is read.
type extents struct {
	file   *os.File
	fd     int
	walks  bool  // else pos is not used and the file's own position advances
	pos    int64 // in the file
	sparse bool
}

// locate finds out about the file. One that is not regular, or claims to be empty as those in /proc do, is
// not supported.
func (x *extents) locate() error {
	var st unix.Stat_t
	if err := unix.Fstat(x.fd, &st); err != nil {
		return x.failed("stat", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size == 0 {
		return errors.ErrUnsupported
	}
	x.sparse = st.Blocks*512 < st.Size
	return nil
}

// walk begins to use a position of its own.
func (x *extents) walk() (err error) {
	x.walks = true
	x.pos, err = x.seek(0, io.SeekCurrent)
	return err
}

// next returns how many of the next n bytes are a hole, and how many after that are data. Both are 0 at the
// end.
func (x *extents) next(n int64) (hole, data int64, err error) {
	begin, err := x.seek(x.pos, unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO): // no more data, or no more file
		var st unix.Stat_t
		if err := unix.Fstat(x.fd, &st); err != nil {
			return 0, 0, x.failed("stat", err)
		}
		return max(0, min(n, st.Size-x.pos)), 0, nil
	case errors.Is(err, unix.EINVAL): // not known here
		return 0, n, nil
	case err != nil:
		return 0, 0, err
	}
	if hole = begin - x.pos; hole >= n {
		return n, 0, nil
	}
	end, err := x.seek(begin, unix.SEEK_HOLE)
	switch {
	case errors.Is(err, unix.ENXIO): // cut off just now
		return hole, 0, nil
	case err != nil:
		return 0, 0, err
	}
	return hole, min(n-hole, end-begin), nil
}

// leave moves the file's position to where the walk has come to.
func (x *extents) leave() error {
	if !x.walks {
		return nil
	}
	_, err := x.seek(x.pos, io.SeekStart)
	return err
}

func (x *extents) seek(off int64, whence int) (int64, error) {
	n, err := unix.Seek(x.fd, off, whence)
	if err != nil {
		return n, x.failed("seek", err)
	}
	return n, nil
}

func (x *extents) failed(op string, err error) error {
	return &os.PathError{Op: op, Path: x.file.Name(), Err: err}
}
