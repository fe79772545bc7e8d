package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	f = &File{dest: d, dir: d.dir, opts: opts}
	f.size, f.sparse = opts.Size, opts.Sparse
	return f, f.createTemp()
}

// createMode is the mode that the file is made with: never one that lets others in who will not be let in
// later.
func (f *File) createMode() fs.FileMode {
	switch {
	case f.dest.exists, f.opts.Owner != nil && f.opts.Mode != 0:
		return 0o600 // until Finish
	case f.opts.Mode == 0:
		return 0o666
	}
	return f.opts.Mode
}

// Publish puts the complete regular file at path in the place of the one called name, as Create, Finish and
// [File.Publish] would. It was written by other means, must not be in use, and is best in the destination's
// directory. Without Owner, Mode is that of the file already. If Publish fails, the file is still at path, unless
// the error says that it is in place.
func Publish(root *os.Root, path, name string, opts Options) error {
	d, err := Locate(root, name)
	if err != nil {
		return err
	}
	f, err := d.adopt(path, opts)
	if err != nil {
		return err
	}
	defer f.Discard() //nolint:errcheck // what went wrong before is returned
	if err := f.Finish(nil); err != nil {
		return err
	}
	return f.Publish()
}

// adopt takes up the file at path. It takes d over.
func (d *Destination) adopt(path string, opts Options) (f *File, err error) {
	defer d.closeUnless(&err)
	if err := d.check(opts); err != nil {
		return nil, err
	}
	if opts.CreateOnly {
		if err := d.CheckNew(); err != nil {
			return nil, err
		}
	}
	failed := func(op string, err error) (*File, error) {
		return nil, &fs.PathError{Op: op, Path: path, Err: bare(err)}
	}
	parent, base := filepath.Split(path)
	dir, err := openDir(d.root, parent)
	if err != nil {
		return failed("open", err)
	}
	f = &File{dest: d, dir: dir, name: base, opts: opts, adopted: true}
	f.begun = true
	there, err := dir.lstat(base)
	if err == nil && !there.mode.IsRegular() {
		err = errNotRegular
	}
	if err == nil {
		f.file, err = dir.open(base, os.O_RDWR, 0, d.name)
	}
	if err != nil {
		dir.close()
		return failed("open", err)
	}
	var held bool
	if f.lock, held, _ = take(f.file); !held {
		f.file.Close()
		dir.close()
		return failed("lock", errInUse)
	}
	return f, nil
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

// setMode gives the file its owner and its mode.
func (f *File) setMode() error {
	d := f.dest
	if f.opts.Owner != nil {
		if err := f.opts.setOwner(f.file); err != nil || f.opts.Mode != 0 {
			return err
		}
	}
	if !d.exists {
		return nil
	}
	mode := d.old.mode.Perm()
	if f.opts.Owner == nil && !keepOwner(f.file, d.old) { // what others may not do, the new group may not either
		mode = mode&^0o070 | mode&0o007<<3
	}
	return f.file.Chmod(mode)
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

// Publish gives a finished file its name. If that fails, the file is discarded. If it is in place, but something
// failed afterwards, the error reports that.
func (f *File) Publish() error {
	d := f.dest
	defer f.release()
	if err := f.place(); err != nil {
		if left := f.Discard(); left != nil {
			return fmt.Errorf("%w (its temporary file is left: %w)", err, left)
		}
		return err
	}
	f.over = true
	if err := d.dir.sync(f.opts.Sync); err != nil {
		err = &fs.PathError{Op: "sync", Path: d.dir.name, Err: err}
		return fmt.Errorf("%s is in place, but may be lost if the system crashes now: %w", d.name, err)
	}
	if err := f.part.remove(); err != nil {
		return fmt.Errorf("%s is in place, but the record of its partial file is left: %w", d.name, err)
	}
	return nil
}

// place gives the file its name.
func (f *File) place() error {
	d := f.dest
	if !f.opts.CreateOnly {
		if err := f.dir.rename(f.name, d.dir, d.base); err != nil {
			return d.failed("rename", err)
		}
		return nil
	}
	if done, err := f.dir.renameNew(f.name, d.dir, d.base); done {
		if err != nil {
			return d.failed("rename", err)
		}
		return nil
	}
	if err := f.dir.link(f.name, d.dir, d.base); err != nil {
		return d.failed("link", err)
	}
	if err := f.dir.remove(f.name); err != nil {
		f.over = true // it must not be removed
		return fmt.Errorf("%s is in place, but its temporary name is left: %w", d.name, err)
	}
	return nil
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
		return f.dest.failed("remove", err)
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
