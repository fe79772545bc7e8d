package sinks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"unicode/utf8"

	"github.com/weirflow/weir/pipeline"
)

// tempFile is a file with two exits: it takes the destination's place, or it goes without a trace.
type tempFile struct {
	dest   *destination
	path   string
	file   *os.File
	dir    *os.File // to be synced after the rename; nil where that is not possible
	lock   *os.File // holds the lock until the file has its own name or is gone; may be nil
	closed bool
}

// replace writes the stream to a temporary file and, in the last step, puts it in the destination's place.
func (d *destination) replace(ctx context.Context, in *pipeline.Inlet) error {
	t, err := d.create()
	if err != nil {
		return err
	}
	in.AtEnd(t.end) // from here on, also when this function panics
	defer t.close()
	if err := in.CopyTo(ctx, t.file); err != nil {
		return t.named(err)
	}
	return t.finish()
}

// create makes a temporary file.
func (d *destination) create() (*tempFile, error) {
	folder, base := filepath.Split(d.path)
	t := &tempFile{dest: d}
	var err error
	if t.dir, err = openDir(folder); err != nil {
		return nil, &fs.PathError{Op: "open", Path: d.name, Err: cause(err)}
	}
	mode := d.opts.Mode
	switch {
	case d.old != nil:
		mode = 0o600 // until finish
	case mode == 0:
		mode = 0o666
	}
	// What a directory entry holds is 255 bytes nearly everywhere.
	base = shorten(base, 200)
	for range 10000 {
		t.path = folder + "." + base + ".weir-" + strconv.FormatUint(rand.Uint64(), 36)
		t.file, err = os.OpenFile(t.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		t.dir.Close()
		return nil, &fs.PathError{Op: "open", Path: d.name, Err: cause(err)}
	}
	t.lock = lock(t.file)
	return t, nil
}

// shorten cuts s to at most n bytes, between characters.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// finish does all that can fail before the rename.
func (t *tempFile) finish() error {
	if old := t.dest.old; old != nil {
		mode := old.Mode().Perm()
		if !keepOwner(t.file, old) {
			mode = mode&^0o070 | mode&0o007<<3
		}
		if err := t.file.Chmod(mode); err != nil {
			return t.named(err)
		}
	}
	if err := t.file.Sync(); err != nil {
		return t.named(err)
	}
	return t.named(t.close())
}

// close closes the file once. The lock stays.
func (t *tempFile) close() error {
	if t.closed {
		return nil
	}
	t.closed = true
	return t.file.Close()
}

// end is the last step: the file takes the destination's place, or goes.
func (t *tempFile) end(_ context.Context, failed error) error {
	defer t.lock.Close() // nil is in order
	defer t.dir.Close()
	if failed != nil {
		return t.remove()
	}
	if err := t.publish(); err != nil {
		if left := t.remove(); left != nil {
			return fmt.Errorf("%w (its temporary file is left: %w)", err, left)
		}
		return err
	}
	return t.syncDir()
}

func (t *tempFile) publish() error {
	if t.dest.opts.NoClobber {
		return t.named(createOnly(t.path, t.dest.path))
	}
	return t.named(os.Rename(t.path, t.dest.path))
}

// syncDir makes the rename last.
func (t *tempFile) syncDir() error {
	if t.dir == nil {
		return nil
	}
	if err := t.dir.Sync(); err != nil && !cannotSync(err) {
		return fmt.Errorf("%s is in place, but may be lost if the system crashes now: %w", t.dest.name, err)
	}
	return nil
}

func (t *tempFile) remove() error {
	if err := os.Remove(t.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// named gives an error about the temporary file the name that the user knows.
func (t *tempFile) named(err error) error {
	switch e := err.(type) { //nolint:errorlint // what upstream failed with keeps its own names
	case *fs.PathError:
		if e.Path == t.path {
			return &fs.PathError{Op: e.Op, Path: t.dest.name, Err: e.Err}
		}
	case *os.LinkError:
		return &fs.PathError{Op: e.Op, Path: t.dest.name, Err: e.Err}
	}
	return err
}
