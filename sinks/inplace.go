package sinks

import (
	"context"
	"io/fs"
	"os"

	"github.com/weirflow/weir/pipeline"
)

// pass writes the stream to what cannot be replaced: a FIFO, a device, a descriptor.
func (d *destination) pass(ctx context.Context, in *pipeline.Inlet) (err error) {
	f, err := d.open(ctx)
	if err != nil {
		return d.named(err)
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	if err := copyTo(ctx, in, f); err != nil {
		return d.named(err)
	}
	if d.old != nil && isBlockDevice(d.old) {
		return f.Sync()
	}
	return nil
}

// named gives a bare error of a system call the name that the user knows.
func (d *destination) named(err error) error {
	if e, ok := err.(*os.SyscallError); ok { //nolint:errorlint // what upstream failed with stays as it is
		return &fs.PathError{Op: e.Syscall, Path: d.name, Err: e.Err}
	}
	return err
}
