package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/fileid"
	"github.com/weirflow/weir/internal/filelimit"
	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
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

	// MayChange allows the file to change while it is read, as a log does that is being written: what it had when it
	// was opened is emitted, and what was overwritten meanwhile comes as it is read. One that gets shorter fails the run
	// all the same.
	MayChange bool
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
// If the file shrinks during the run, the run fails with a [*transfer.TruncatedError]; if it changes in any other way, at the end
// with a [*ModifiedError], unless MayChange is set. What counts is the size, the time of the last modification and, where the file
// system has it, that of the last change (ctime), with which a rename, a chmod and a further link are changes, too. Files whose size is not that
// of their content (in /proc and /sys, FIFOs, terminals) are read to their end, without a promise. A directory is an error.
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
		var c content
		err := filelimit.Retry(ctx, func() (err error) {
			c, err = opts.open(ctx, name)
			return err
		})
		if err != nil {
			return err
		}
		defer c.file.Close()
		if err := opts.locate(&c); err != nil {
			return err
		}
		if err := c.emit(ctx, out); err != nil || opts.MayChange {
			return err
		}
		return c.unchanged()
	}).Reads(func() any { return place(fileid.PlaceOf(opts.Root, name)) })
}

// place is what [pipeline.Source.Reads] compares.
func place(p fileid.Place, ok bool) any {
	if !ok {
		return nil
	}
	return p
}

// open opens name, a file of any type. The end of ctx interrupts it.
func (o FileOptions) open(ctx context.Context, name string) (c content, err error) {
	var in tree = system{}
	if o.Root != nil {
		in = o.Root
	}
	f, err := open(ctx, in, name)
	if err == nil {
		if c, err = lookAt(f, atomicfile.PathIn(o.Root, name)); err == nil {
			err = prepare(ctx, f, c.info)
		}
		if fd, ok := ioctx.Descriptor(name); err == nil && o.Root == nil && c.info.Mode()&fs.ModeCharDevice != 0 && ok {
			err = ioctx.CheckDescriptor(fd)
		}
		if err != nil {
			f.Close()
		}
	}
	if e, ok := err.(*fs.PathError); ok && o.Root != nil { //nolint:errorlint // only the outermost one
		e.Op, e.Path = "open", atomicfile.PathIn(o.Root, name) // not openat, and not only the name
	}
	return c, err
}

// locate moves the file to the offset, and finds out how many bytes to read from there, if that is known.
func (o FileOptions) locate(c *content) error {
	size, sized, err := c.measure()
	switch mode := c.info.Mode(); {
	case err != nil:
		return &fs.PathError{Op: "open", Path: c.name, Err: cause(err)}
	case !sized && !mode.IsRegular() && o.Offset > 0:
		return fmt.Errorf("offset %d: want 0, because it has no positions", o.Offset)
	case sized && o.Offset > size:
		return fmt.Errorf("offset %d: want 0 to %d, its size in bytes", o.Offset, size)
	case sized && o.Length > size-o.Offset:
		return fmt.Errorf("length %d: want at most %d bytes, which is what it has from offset %d", o.Length, size-o.Offset, o.Offset)
	}
	if o.Offset > 0 {
		if _, err := c.file.Seek(o.Offset, io.SeekStart); err != nil {
			return err
		}
	}
	c.offset, c.length, c.known = o.Offset, size-o.Offset, sized
	if o.Length > 0 {
		c.length, c.known = o.Length, true
	}
	return nil
}

// cause is err without the operation and the path.
func cause(err error) error {
	if e, ok := err.(*fs.PathError); ok { //nolint:errorlint // only the outermost one
		return e.Err
	}
	return err
}
