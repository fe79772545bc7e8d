package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

// A File is being written under a temporary name. It has two exits, Publish and Discard.
type File struct {
	writer
	dest *Destination
	opts Options
	dir  *dir // that the temporary name is in: that of dest, but for a file that was adopted
	name string
	lock lock
	part *part // not nil: the file stays if it is discarded
	old  access

	adopted bool // it was there before, and stays if it is discarded
	crowded bool // others write, or have written, to the same name
	closed  bool
	over    bool // it was published or discarded
}

// Create begins a new file. It takes d over.
func (d *Destination) Create(opts Options) (f *File, err error) {
	defer d.closeUnless(&err)
	if err := d.check(opts); err != nil {
		return nil, err
	}
	if f, err = d.begin(opts); err != nil {
		return nil, err
	}
	return f, f.createTemp()
}

// begin is what all files have that take the place of an old one or become a new one.
func (d *Destination) begin(opts Options) (*File, error) {
	if !opts.CreateOnly {
		if err := d.CheckReplace(); err != nil {
			return nil, err
		}
	}
	f := &File{dest: d, dir: d.dir, opts: opts}
	f.size, f.sparse = opts.Size, opts.Sparse
	if d.exists && d.old.reserved() {
		d.exists = false // for the new file
	}
	if d.exists {
		f.old = d.dir.access(d.base)
	}
	return f, nil
}

// createMode is the mode that the file is made with: never one that lets others in who will not be let in
// later. Where the mode that it will have in the end does not, it is made with that, so that it need not be changed.
func (f *File) createMode() fs.FileMode {
	o, mode := f.opts, f.opts.Mode
	uid, gid := -1, -1 // those of a new file
	if mode == 0 {
		mode = 0o666
	}
	switch {
	case o.Owner != nil && o.Mode != 0:
		uid, gid = o.Owner.UID, o.Owner.GID
	case f.dest.exists:
		mode = f.dest.old.mode.Perm()
		if uid, gid = f.dest.old.owner(); o.Owner != nil {
			uid, gid = o.Owner.UID, o.Owner.GID
		}
	default:
		return mode
	}
	if f.old.plain() && f.dir.gives(uid, gid) {
		return mode
	}
	return 0o600 // until Finish
}

// Finish does all that can fail when all bytes have been written: it gives the file its length, mode, owner
// and times, syncs it, and closes it. check, if not nil, is called before the close. It may read the file, and
// its error is Finish's.
func (f *File) Finish(check func(f *os.File) error) error {
	return f.dest.named(f.finish(check), f.file)
}

func (f *File) finish(check func(f *os.File) error) error {
	if err := f.writer.finish(); err != nil {
		return err
	}
	if err := f.setMode(); err != nil {
		return err
	}
	if err := f.setTimes(); err != nil {
		return err
	}
	if err := syncFile(f.file, f.opts.Sync); err != nil {
		return f.part.failed(err)
	}
	f.part.finished(f.end)
	if check != nil {
		if err := check(f.file); err != nil {
			return err
		}
	}
	if err := f.close(); err != nil {
		return f.part.failed(err)
	}
	if runtime.GOOS == "windows" { // where closing a file that was written sets its time
		return f.setTimes()
	}
	return nil
}

// setMode gives the file its owner, its mode, and what else decides who may use it.
func (f *File) setMode() error {
	d := f.dest
	if f.opts.Owner != nil {
		if err := f.opts.setOwner(f.file); err != nil || f.opts.Mode != 0 {
			return err
		}
	}
	if !d.exists {
		return f.part.takeBack(f.opts.Mode)
	}
	group := f.opts.Owner != nil || keepOwner(f.file, d.old)
	if err := chmod(f.file, f.old.give(f.file, d.old.mode.Perm(), group)); err != nil {
		return d.refused("chmod", err)
	}
	return nil
}

func (f *File) setTimes() error {
	if err := f.opts.setTimes(f.dir, f.name); err != nil {
		return f.dest.failed("chtimes", err)
	}
	return nil
}

// close closes the file once.
func (f *File) close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	return f.file.Close()
}

// Discard removes the file, or keeps what is to be resumed. After Publish, or a second time, it does nothing.
func (f *File) Discard() error {
	if f.over {
		return nil
	}
	f.over = true
	defer f.release()
	if f.adopted || f.part.keep() {
		return nil
	}
	f.close() //nolint:errcheck // it is removed
	if err := f.dir.remove(f.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("its temporary file is left: %w", f.dest.failed("remove", err))
	}
	return f.part.remove()
}

// release gives back what is open.
func (f *File) release() {
	f.close() //nolint:errcheck // its error counted in Finish
	f.lock.release()
	if f.crowded && f.dest.dir != nil {
		f.dest.dir.sweep(f.dest.base, 0, wideGap) // of those that were killed meanwhile
		f.crowded = false
	}
	if f.adopted && f.dir != nil {
		f.dir.close()
		f.dir = nil
	}
	f.dest.Close()
}

var errInUse = errors.New("another run is writing to it")
