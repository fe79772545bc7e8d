package sinks

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/weirflow/weir/pipeline"
)

// opened is an old file that is changed where it is.
type opened struct {
	dest  *destination
	file  *os.File
	lock  *os.File // until the run's end; may be nil
	size  int64    // that it had
	wrote int64    // bytes that were appended
}

// change opens and locks the file. The lock goes with the run's last step, which calls undo if the run has
// failed.
func (d *destination) change(in *pipeline.Inlet, flag int, undo func(o *opened) error) (*opened, error) {
	f, err := d.tree.OpenFile(d.path, os.O_WRONLY|flag, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: d.name, Err: cause(err)}
	}
	o := &opened{dest: d, file: f}
	var mine bool
	if o.lock, mine = lock(f); !mine {
		f.Close()
		return nil, &os.PathError{Op: "lock", Path: d.name, Err: errors.New("another process has locked it")}
	}
	in.AtEnd(func(_ context.Context, failed error) error {
		defer o.lock.Close() // nil is in order
		if failed != nil {
			return undo(o)
		}
		return nil
	})
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, o.named(err)
	}
	o.size = info.Size()
	return o, nil
}

func (o *opened) named(err error) error { return o.dest.named(err, o.dest.path, o.file.Name()) }

// finish does what is left to do when all bytes are there. It closes the file in any case.
func (o *opened) finish(err error) error {
	defer o.file.Close() // a second time does nothing
	d := o.dest
	if err == nil && d.opts.Owner != nil {
		if err = d.opts.Owner.give(o.file); err == nil && d.opts.Mode != 0 {
			err = o.file.Chmod(d.opts.Mode)
		}
	}
	if err == nil {
		err = d.setTimes(d.tree, d.path)
	}
	if err == nil && d.opts.Durability != DurabilityNone {
		err = syncFile(o.file, d.opts.Durability)
	}
	if err == nil {
		err = o.file.Close()
	}
	return o.named(err)
}

// Write appends.
func (o *opened) Write(p []byte) (int, error) {
	n, err := o.file.Write(p)
	o.wrote += int64(n)
	return n, err
}

// extend appends the stream to the file.
func (d *destination) extend(ctx context.Context, in *pipeline.Inlet) error {
	o, err := d.change(in, os.O_APPEND, (*opened).cut)
	if err != nil {
		return err
	}
	return o.finish(in.CopyTo(ctx, o))
}

// cut takes back what was appended.
func (o *opened) cut() error {
	if o.wrote == 0 {
		return nil
	}
	d := o.dest
	f, err := d.tree.OpenFile(d.path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("what was appended is left: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return o.named(err)
	case !os.SameFile(info, d.old) || info.Size() != o.size+o.wrote:
		return fmt.Errorf("%s: what was appended is left, because somebody else has changed the file", d.name)
	}
	return o.named(f.Truncate(o.size))
}

// overwrite writes the stream over the file.
func (d *destination) overwrite(ctx context.Context, in *pipeline.Inlet) error {
	var f *filler
	o, err := d.change(in, 0, func(*opened) error {
		if f == nil || !f.begun {
			return nil
		}
		return fmt.Errorf("%s was being overwritten in place: its old content is lost", d.name)
	})
	if err != nil {
		return err
	}
	f = newFiller(o.file, in, d.opts)
	f.before = func() error { return o.file.Truncate(0) }
	err = in.CopyTo(ctx, withDescriptor(f))
	if err == nil {
		err = f.finish()
	}
	return o.finish(err)
}
