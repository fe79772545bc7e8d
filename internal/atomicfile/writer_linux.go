package atomicfile

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const (
	cloneTry   = 1 << 20   // bytes that are shared with the source to see whether the file system can do that
	copyBuffer = 256 << 10 // bytes, where the kernel cannot copy and chunks would fill the holes
)

// FillFrom copies from a file, with its holes, as far as the kernel can do that, and leaves both files' positions
// where it came to. What it cannot do is to be done with Write; only what Write cannot repeat is an error.
func (w *writer) FillFrom(r io.Reader, n int64) (moved int64, err error) {
	src, ok := r.(*os.File)
	if !ok || w.appends {
		return 0, nil
	}
	from, err := src.SyscallConn()
	if err != nil {
		return 0, nil
	}
	to, err := w.file.SyscallConn()
	if err != nil {
		return 0, nil
	}
	_ = from.Control(func(in uintptr) {
		_ = to.Control(func(out uintptr) {
			moved = w.fill(&extents{file: src, fd: int(in)}, int(out), n)
		})
	})
	return moved, w.err
}

// fill copies up to n bytes. What stops it Write meets again, but for the error that it leaves in w.
func (w *writer) fill(src *extents, fd int, n int64) (moved int64) {
	if src.locate() != nil || w.begin() != nil {
		return 0
	}
	if src.sparse && !w.holes {
		w.holes = true
		if w.release() != nil {
			return 0
		}
	}
	if w.holes || w.sparse || n >= cloneTry {
		if src.walk() != nil {
			return 0
		}
	}
	if !w.holes && !w.sparse && !w.asked {
		if n >= cloneTry && w.share(src, fd) {
			w.asked, moved = true, cloneTry
		} else if w.reserve() != nil {
			return 0
		}
	}
	begin := src.pos - moved
	var err error
	for err == nil && src.pos-begin < n {
		hole, data := int64(0), n-(src.pos-begin)
		if w.holes || w.sparse {
			if hole, data, err = src.next(data); err != nil {
				break
			}
			if hole+data == 0 { // the end
				break
			}
		}
		w.skip(hole)
		src.pos += hole
		if data == 0 {
			continue
		}
		var m int64
		if m, err = w.transfer(src, fd, data); m == 0 {
			break
		}
	}
	moved = src.pos - begin
	if lerr := src.leave(); lerr != nil && w.err == nil { // what is read next would not be what comes next
		w.err = &os.PathError{Op: "seek", Path: src.file.Name(), Err: lerr}
	}
	if err == nil && moved > 0 {
		_ = w.written()
	}
	return moved
}

// transfer copies up to n bytes of data.
func (w *writer) transfer(src *extents, fd int, n int64) (int64, error) {
	if w.sparse { // which looks for zeros in what is data for the file system
		return w.copyChunk(src, n)
	}
	var pos *int64
	if src.walks {
		at := src.pos
		pos = &at
	}
	m, err := copyRange(fd, w.off, src.fd, pos, n)
	if err != nil {
		err = &os.PathError{Op: "copy_file_range", Path: w.file.Name(), Err: err}
	}
	if m > 0 {
		src.pos += m
		at := w.at
		w.wrote(m)
		w.at = at // the position has not moved
	}
	if err != nil && w.holes && errors.Is(err, errors.ErrUnsupported) { // chunks would fill the holes
		return w.copyChunk(src, n)
	}
	return m, err
}

// copyChunk copies up to n bytes through memory.
func (w *writer) copyChunk(src *extents, n int64) (int64, error) {
	if w.buffer == nil {
		w.buffer = make([]byte, copyBuffer)
	}
	p := w.buffer[:min(n, copyBuffer)]
	m, err := src.file.ReadAt(p, src.pos)
	if m > 0 {
		var written int
		if w.sparse {
			written, err = w.writeSparse(p[:m])
		} else {
			written, err = w.write(p[:m])
		}
		src.pos += int64(written)
		return int64(written), err
	}
	if err == io.EOF {
		err = nil
	}
	return 0, err
}

// share makes the file's first bytes the same blocks as the source's, where the file system can do that.
// Then copyRange does it too, and no space is needed.
func (w *writer) share(src *extents, fd int) bool {
	r := unix.FileCloneRange{Src_fd: int64(src.fd), Src_offset: uint64(src.pos), Src_length: cloneTry, Dest_offset: uint64(w.off)}
	if unix.IoctlFileCloneRange(fd, &r) != nil {
		return false
	}
	src.pos += cloneTry
	at := w.at
	w.wrote(cloneTry)
	w.at = at
	return true
}

// copyRange copies up to n bytes from pos, or if that is nil from where in is, to off. 0 bytes are the end.
func copyRange(out int, off int64, in int, pos *int64, n int64) (int64, error) {
	for {
		m, err := unix.CopyFileRange(in, pos, out, &off, int(min(n, 1<<30)), 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err == nil:
			return int64(m), nil
		case errors.Is(err, unix.EXDEV), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EPERM), errors.Is(err, errors.ErrUnsupported):
			err = errors.ErrUnsupported
		}
		return 0, err
	}
}

// reserve allocates n bytes from off on, and does not change the file's size. A file system that cannot do
// that is not an error.
func reserve(f *os.File, off, n int64) (done bool, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	cerr := conn.Control(func(fd uintptr) {
		for {
			if err = unix.Fallocate(int(fd), unix.FALLOC_FL_KEEP_SIZE, off, n); !errors.Is(err, unix.EINTR) {
				return
			}
		}
	})
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG) {
		return true, &os.PathError{Op: "fallocate", Path: f.Name(), Err: err} // some of it may be
	}
	return err == nil, cerr
}
