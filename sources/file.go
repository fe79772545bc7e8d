package sources

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/transfer"
)

// FileOptions are the settings of [FileWith].
type FileOptions struct {
	// Offset is where in the file to begin, in bytes from its start. It may be the file's size, which
	// gives an empty stream. Beyond that, or in a file that cannot be positioned (a FIFO), the run fails.
	Offset int64

	// Length is how many bytes to emit; 0 means all up to the end. If the file has fewer, the run fails.
	Length int64

	// Root, if it is not nil, is the directory that name is relative to, and that neither name nor a symbolic
	// link leads out of.
	Root *os.Root
}

// tree is where a name leads: through the whole system, or through an [os.Root].
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

// FileWith emits a file, or a part of it. Every run opens the file anew, and closes it.
//
// A regular file has the size that it has when it is opened: FileWith promises that, and emits no more even
// if the file grows. If the file shrinks while it is read, the run fails with a [*transfer.TruncatedError]. Files that
// do not know their size (FIFOs, terminals, /proc) are read to their end, without a promise. A directory is
// an error.
//
// Like the open(2) that blocks, FileWith waits until a FIFO has a writer; that wait, and reads from FIFOs and
// devices, are interrupted when the run ends early. On systems other than Linux the wait is interrupted only
// where the process may write to the FIFO.
func FileWith(name string, opts FileOptions) pipeline.Source {
	return pipeline.NewSource("file", func(ctx context.Context, out *pipeline.Outlet) error {
		switch {
		case opts.Offset < 0:
			return fmt.Errorf("offset %d: want 0 or more bytes", opts.Offset)
		case opts.Length < 0:
			return fmt.Errorf("length %d: want 0 or more bytes", opts.Length)
		}
		f, info, err := opts.open(ctx, name)
		if err != nil {
			return err
		}
		defer f.Close()
		n, known, err := opts.locate(f, info, name)
		switch {
		case err != nil:
			return err
		case known:
			return exactly(ctx, out, f, name, n)
		}
		return copyFrom(ctx, out, f)
	})
}

// open opens name, whatever it is, without waiting for ever.
func (o FileOptions) open(ctx context.Context, name string) (f *os.File, info fs.FileInfo, err error) {
	var in tree = system{}
	if o.Root != nil {
		in = o.Root
	}
	if f, err = open(ctx, in, name); err == nil {
		if info, err = f.Stat(); err == nil {
			err = prepare(ctx, f, info)
		}
		if err != nil {
			f.Close()
		}
	}
	if e, ok := err.(*fs.PathError); ok && o.Root != nil { //nolint:errorlint // only the outermost one
		e.Op = "open" // not openat
	}
	return f, info, err
}

// locate moves f to where the options want to begin, and returns how many bytes are to be read from there, if
// that is known.
func (o FileOptions) locate(f *os.File, info fs.FileInfo, name string) (n int64, known bool, err error) {
	mode := info.Mode()
	size, sized := info.Size(), mode.IsRegular() && !unsized(f, info)
	switch {
	case mode.IsDir():
		return 0, false, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	case mode&fs.ModeDevice != 0 && mode&fs.ModeCharDevice == 0:
		if size, err = f.Seek(0, io.SeekEnd); err != nil {
			return 0, false, err
		}
		sized = size > 0
	case !mode.IsRegular() && o.Offset > 0:
		return 0, false, fmt.Errorf("offset %d: want 0, because %s has no positions", o.Offset, name)
	}
	switch {
	case sized && o.Offset > size:
		return 0, false, fmt.Errorf("offset %d: want 0 to %d, the size of %s in bytes", o.Offset, size, name)
	case sized && o.Length > size-o.Offset:
		return 0, false, fmt.Errorf("length %d: want at most %d bytes, which is what %s has from offset %d", o.Length, size-o.Offset, name, o.Offset)
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

// unsized reports whether the size that info gives for a regular file means nothing.
func unsized(f *os.File, info fs.FileInfo) bool {
	if info.Size() > 0 {
		return sizeIsBuffer(f, info)
	}
	// A file in /proc claims to be empty.
	var b [1]byte
	n, _ := f.ReadAt(b[:], 0)
	return n > 0
}

// exactly emits the next n bytes of f, and promises them.
func exactly(ctx context.Context, out *pipeline.Outlet, f *os.File, name string, n int64) error {
	out.SetSize(n)
	r, release := ioctx.Reader(ctx, f)
	defer release()
	part := &io.LimitedReader{R: r, N: n}
	if err := out.CopyFrom(ctx, part); err != nil {
		return err
	}
	if part.N > 0 {
		return &fs.PathError{Op: "read", Path: name, Err: &transfer.TruncatedError{Want: n, Got: n - part.N}}
	}
	return nil
}
