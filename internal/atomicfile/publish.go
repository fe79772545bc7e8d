package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Publish gives a finished file its name. If that fails, the file is discarded. If it is in place, but something
// failed afterwards, the error reports that.
func (f *File) Publish() error {
	d := f.dest
	defer f.release()
	if err := f.place(); err != nil {
		if left := f.Discard(); left != nil {
			return fmt.Errorf("%w (%w)", err, left)
		}
		return err
	}
	f.over = true
	if err := d.dir.sync(f.opts.Sync); err != nil {
		err = &fs.PathError{Op: "sync", Path: d.dir.name, Err: err}
		return fmt.Errorf("is in place, but may be lost if the system crashes now: %w", err)
	}
	if err := f.part.remove(); err != nil {
		return fmt.Errorf("is in place, but the record of its partial file is left: %w", err)
	}
	return nil
}

// place gives the file its name.
func (f *File) place() error {
	d := f.dest
	if !f.opts.CreateOnly {
		if err := f.dir.rename(f.name, d.dir, d.base); err != nil {
			return d.refused("rename", f.lost(err))
		}
		return nil
	}
	if done, err := f.dir.renameNew(f.name, d.dir, d.base); done {
		if err != nil {
			return d.failed("rename", f.lost(err))
		}
		return nil
	}
	switch err := f.dir.link(f.name, d.dir, d.base); {
	case err == nil:
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist):
		return d.failed("link", f.lost(err))
	default: // FAT has no links, nor has many a network or FUSE file system, and each says it with another error
		return f.placeReserved()
	}
	if err := f.dir.remove(f.name); err != nil {
		f.over = true // it must not be removed
		return fmt.Errorf("is in place, but its temporary name is left: %w", d.failed("remove", err))
	}
	return nil
}

// reservedMode is that of a file that may only be replaced. Without a w, SMB would not even rename over it.
const reservedMode fs.FileMode = 0o200

// reserved reports whether a file is what placeReserved made.
func (s stat) reserved() bool { return s.mode == reservedMode && s.size == 0 && s.ours() }

// placeReserved gives the file its name where the file system has neither links nor a rename that replaces nothing.
// An empty file that did not exist before reserves the name, and is replaced.
//
// In between, others see that empty file, or, where files have modes, one that only root can read: never a part of
// the file. A process that is killed in between leaves it; what replaces it later does not get its mode. A file that
// another process puts in its place in the moment between the last look at it and the rename is lost.
func (f *File) placeReserved() error {
	d := f.dest
	empty, err := d.dir.open(d.base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, reservedMode, d.name)
	if err != nil {
		return d.failed("open", f.lost(err))
	}
	made, err := statFile(empty)
	if err != nil {
		made, err = d.dir.lstat(d.base)
	}
	known := err == nil
	if cerr := empty.Close(); err == nil {
		err = cerr
	}
	ours := func() (bool, error) {
		there, err := d.dir.lstat(d.base)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return false, nil
		case err == nil && !known:
			err = errors.New("it cannot be told from others")
		}
		return err == nil && there.same(made) && there.size == 0, err
	}
	if err == nil {
		var is bool
		if is, err = ours(); err == nil && !is {
			return d.failed("rename", fs.ErrExist)
		}
	}
	if err == nil {
		if err = f.dir.rename(f.name, d.dir, d.base); err == nil {
			return nil
		}
	}
	err = d.failed("rename", f.lost(err))
	is, left := ours()
	if is {
		left = d.dir.remove(d.base)
	}
	if left != nil {
		err = fmt.Errorf("%w (an empty file is left: %w)", err, left)
	}
	return err
}

// lost explains that a file under its temporary name, or its directory, is gone.
func (f *File) lost(err error) error {
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case f.dest.dir.removed():
		return fmt.Errorf("its directory was removed: %w", err)
	}
	return fmt.Errorf("its temporary file was removed by another process: %w", err)
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
	if f, err = d.begin(opts); err != nil {
		dir.close()
		return nil, err
	}
	f.dir, f.name, f.adopted, f.begun = dir, base, true, true
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
	if f.lock, held, _, err = take(f.file); err == nil && !held {
		err = errInUse
	}
	if err != nil {
		f.file.Close()
		dir.close()
		return failed("lock", err)
	}
	return f, nil
}
