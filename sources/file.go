package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/filelimit"
	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/transfer"
)

// FileOptions are the settings of [FileWith].
type FileOptions struct {
	// Offset is the first byte to emit, counted from the start of the file. The file's size gives an
	// empty stream; an offset beyond it, or one above 0 in a file without positions (a FIFO), fails the run.
	Offset int64

	// Length is the number of bytes to emit; 0 means all up to the end. If the file has fewer, the run fails.
	Length int64

	// Root, if not nil, is the directory that name is relative to. Neither name nor a symbolic link may lead
	// out of it.
	Root *os.Root
}

// tree resolves names: in the whole file system, or in an [os.Root].
type tree interface {
	OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error)
	Stat(name string) (fs.FileInfo, error)
}

type system struct{}

func (system) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, perm)
}

func (system) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// File emits the content of the file called name. See [FileWith].
func File(name string) pipeline.Source { return FileWith(name, FileOptions{}) }

// FileWith emits a file, or a part of it. Every run opens and closes the file.
//
// Of a regular file, FileWith promises the size at the time of opening, and emits no more if the file grows.
// If the file shrinks during the run, the run fails with a [*transfer.TruncatedError]. Files of unknown size
// (FIFOs, terminals, /proc) are read to their end, without a promise. A directory is an error.
//
// Like a blocking open(2), FileWith waits until a FIFO has a writer. That wait, and reads from FIFOs and
// devices, are interrupted when the run ends early. On systems other than Linux, the wait is interrupted only
// if the process may write to the FIFO.
func FileWith(name string, opts FileOptions) pipeline.Source {
	path := atomicfile.PathIn(opts.Root, name)
	return pipeline.NewSource(path, func(ctx context.Context, out *pipeline.Outlet) error {
		switch {
		case name == "":
			return errors.New("the file's name is empty")
		case opts.Offset < 0:
			return fmt.Errorf("offset %d: want 0 or more bytes", opts.Offset)
		case opts.Length < 0:
			return fmt.Errorf("length %d: want 0 or more bytes", opts.Length)
		}
		var f *os.File
		var info fs.FileInfo
		err := filelimit.Retry(ctx, func() (err error) {
			f, info, err = opts.open(ctx, name)
			return err
		})
		if err != nil {
			return err
		}
		defer f.Close()
		n, known, err := opts.locate(f, info, path)
		switch {
		case err != nil:
			return err
		case known:
			return exactly(ctx, out, f, path, n)
		}
		return copyFrom(ctx, out, f)
	})
}

// open opens name, a file of any type. The end of ctx interrupts it.
func (o FileOptions) open(ctx context.Context, name string) (f *os.File, info fs.FileInfo, err error) {
	var in tree = system{}
	if o.Root != nil {
		in = o.Root
	}
	if f, err = open(ctx, in, name); err == nil {
		if info, err = f.Stat(); err == nil {
			err = prepare(ctx, f, info)
		}
		if fd, ok := ioctx.Descriptor(name); err == nil && o.Root == nil && info.Mode()&fs.ModeCharDevice != 0 && ok {
			err = ioctx.CheckDescriptor(fd)
		}
		if err != nil {
			f.Close()
		}
	}
	if e, ok := err.(*fs.PathError); ok && o.Root != nil { //nolint:errorlint // only the outermost one
		e.Op, e.Path = "open", atomicfile.PathIn(o.Root, name) // not openat, and not only the name
	}
	return f, info, err
}

// locate moves f to the offset, and returns the number of bytes to read from there, if that is known.
func (o FileOptions) locate(f *os.File, info fs.FileInfo, path string) (n int64, known bool, err error) {
	mode := info.Mode()
	size, sized := info.Size(), mode.IsRegular() && !unsized(f, info)
	switch {
	case mode.IsDir():
		return 0, false, &fs.PathError{Op: "open", Path: path, Err: syscall.EISDIR}
	case mode&fs.ModeDevice != 0 && mode&fs.ModeCharDevice == 0:
		if size, err = f.Seek(0, io.SeekEnd); err != nil {
			return 0, false, err
		}
		sized = size > 0
	case !mode.IsRegular() && o.Offset > 0:
		return 0, false, fmt.Errorf("offset %d: want 0, because it has no positions", o.Offset)
	}
	switch {
	case sized && o.Offset > size:
		return 0, false, fmt.Errorf("offset %d: want 0 to %d, its size in bytes", o.Offset, size)
	case sized && o.Length > size-o.Offset:
		return 0, false, fmt.Errorf("length %d: want at most %d bytes, which is what it has from offset %d", o.Length, size-o.Offset, o.Offset)
	}
	if o.Offset > 0 || !mode.IsRegular() && sized {
		if _, err := f.Seek(o.Offset, io.SeekStart); err != nil {
			return 0, false, err
		}
	}
	switch {
	case o.Length > 0:
		return o.Length, true, nil
	case sized:
		return size - o.Offset, true, nil
	}
	return 0, false, nil
}

// unsized reports whether the size in info, for a regular file, is not that of its content.
func unsized(f *os.File, info fs.FileInfo) bool {
	if info.Size() > 0 {
		return sizeIsBuffer(f, info)
	}
	// Files in /proc have the size 0.
	var b [1]byte
	n, _ := f.ReadAt(b[:], 0)
	return n > 0
}

// exactly emits the next n bytes of f, and promises them.
func exactly(ctx context.Context, out *pipeline.Outlet, f *os.File, path string, n int64) error {
	out.SetSize(n)
	r, release := ioctx.Reader(ctx, f)
	defer release()
	part := &io.LimitedReader{R: r, N: n}
	if err := out.CopyFrom(ctx, part); err != nil {
		return err
	}
	if part.N > 0 {
		return &fs.PathError{Op: "read", Path: path, Err: &transfer.TruncatedError{Want: n, Got: n - part.N}}
	}
	return nil
}
