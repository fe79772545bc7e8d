package sinks

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Publish gives the regular file at path the name that [FileWith] would give its temporary one: it takes
// the place of an old file called name, whose permission bits and owner it gets, follows symbolic links,
// and appears only if there is none with NoClobber. It is synced before, and the folder after the rename.
// It is for a file that more than one run has written, and has to be on the file system that name is on,
// best in the same folder, and not in use by anybody else.
//
// Root, Mode, Owner, NoClobber, Durability, Check and the times of opts count; without Owner, Mode is that of the
// file at path already. If Publish fails, the file is still at path, unless the error says that it is in
// place.
func Publish(ctx context.Context, path, name string, opts FileOptions) error {
	if opts.Append || opts.InPlace || opts.Resume != "" {
		return errors.New("publish: want neither append, in place nor resume")
	}
	if err := opts.check(); err != nil {
		return err
	}
	d, err := locate(name, opts)
	switch {
	case err != nil:
		return err
	case d.special:
		return &fs.PathError{Op: "publish", Path: name, Err: errors.New("not a regular file")}
	}
	t := &tempFile{dest: d, path: path}
	// Opening a FIFO would wait.
	if info, err := d.tree.Lstat(path); err != nil {
		return err
	} else if !info.Mode().IsRegular() {
		return &fs.PathError{Op: "publish", Path: path, Err: errors.New("not a regular file")}
	}
	if t.file, err = d.tree.OpenFile(path, os.O_RDWR, 0); err != nil {
		return err
	}
	defer t.close()
	var mine bool
	if t.lock, mine = lock(t.file); !mine {
		return &fs.PathError{Op: "lock", Path: path, Err: errors.New("another run is writing to it")}
	}
	defer t.lock.Close() // nil is in order
	folder, _ := filepath.Split(d.path)
	if t.dir, err = openDir(d.tree, folder); err != nil {
		return &fs.PathError{Op: "open", Path: name, Err: cause(err)}
	}
	defer t.dir.Close()
	if err := t.finish(ctx, 0); err != nil {
		return err
	}
	if err := t.publish(); err != nil {
		return err
	}
	return t.syncDir()
}
