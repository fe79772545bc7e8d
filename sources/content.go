package sources

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/weirflow/weir/internal/fileid"
	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/transfer"
)

// A content is what is to be emitted of an open file.
type content struct {
	file  *os.File
	name  string // for errors
	info  fs.FileInfo
	watch fileid.Watch

	offset int64 // where it begins
	length int64 // in bytes, if it is known; else what there is up to the end
	known  bool
	fixed  bool // the size of the file is that of its content, and may be held against it
}

// ModifiedError is a file that changed while it was read: what was emitted may be neither its old content nor its new one.
type ModifiedError struct {
	OldSize, NewSize int64 // in bytes; equal if the content was replaced, or an attribute changed
}

func (e *ModifiedError) Error() string {
	switch {
	case e.NewSize > e.OldSize:
		return fmt.Sprintf("grew from %d to %d bytes while it was read", e.OldSize, e.NewSize)
	case e.NewSize < e.OldSize:
		return fmt.Sprintf("shrank from %d to %d bytes while it was read", e.OldSize, e.NewSize)
	}
	return "changed while it was read"
}

// lookAt finds out about a file that was opened under a name.
func lookAt(f *os.File, name string) (c content, err error) {
	c.file, c.name = f, name
	c.watch, c.info, err = fileid.NewWatch(f)
	return c, err
}

// measure finds out how many bytes there are, if that is known.
func (c *content) measure() (size int64, sized bool, err error) {
	switch mode := c.info.Mode(); {
	case mode.IsDir():
		return 0, false, syscall.EISDIR
	case mode.IsRegular():
		size, c.fixed = c.watch.Size(c.info)
		return size, c.fixed, nil
	case mode&fs.ModeDevice != 0 && mode&fs.ModeCharDevice == 0:
		at, err := c.file.Seek(0, io.SeekCurrent)
		if err == nil {
			size, err = c.file.Seek(0, io.SeekEnd)
		}
		if err == nil {
			_, err = c.file.Seek(at, io.SeekStart)
		}
		return size, size > 0, err
	}
	return 0, false, nil
}

// emit sends the content, from the file's position on.
func (c *content) emit(ctx context.Context, out *pipeline.Outlet) error {
	if c.known {
		return c.exactly(ctx, out)
	}
	r, release := ioctx.Reader(ctx, c.file)
	defer release()
	if !c.info.Mode().IsRegular() || c.info.Size() > 0 {
		return out.CopyFrom(ctx, r)
	}
	return c.perhapsEmpty(ctx, out, r)
}

// perhapsEmpty emits a file with the size 0.
func (c *content) perhapsEmpty(ctx context.Context, out *pipeline.Outlet, r io.Reader) error {
	first := pipeline.NewChunk(firstRead)
	n, err := r.Read(first.Bytes())
	if n > 0 {
		if serr := out.Send(ctx, first.Slice(0, n)); serr != nil {
			return serr
		}
	} else {
		first.Release()
	}
	switch {
	case err == io.EOF && n == 0:
		if c.offset > 0 {
			return fmt.Errorf("offset %d: want 0 to 0, its size in bytes", c.offset)
		}
		out.SetSize(0)
		return nil
	case err == io.EOF:
		return nil
	case err != nil:
		return err
	}
	return out.CopyFrom(ctx, r)
}

// firstRead is how much is read at first of a file with the size 0. Some in /proc are made up again for every read.
const firstRead = 16 << 10

// exactly emits as many bytes as are known, and promises them.
func (c *content) exactly(ctx context.Context, out *pipeline.Outlet) error {
	out.SetSize(c.length)
	r, release := ioctx.Reader(ctx, c.file)
	defer release()
	part := &io.LimitedReader{R: r, N: c.length}
	if err := out.CopyFrom(ctx, part); err != nil {
		return err
	}
	if part.N > 0 {
		return &fs.PathError{Op: "read", Path: c.name, Err: &transfer.TruncatedError{Want: c.length, Got: c.length - part.N}}
	}
	return nil
}

// unchanged fails if a regular file has changed since lookAt. Files that are made up while they are read are not held to anything.
func (c *content) unchanged() error {
	if !c.info.Mode().IsRegular() {
		return nil
	}
	before, now, err := c.watch.Look()
	if err != nil {
		return err
	}
	if before == now || !c.fixed && now.Size == before.Size {
		return nil
	}
	return &ModifiedError{OldSize: before.Size, NewSize: now.Size}
}
