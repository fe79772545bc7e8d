package sinks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/weirflow/weir/pipeline"
)

// tempFile is a file with two exits: it takes the destination's place, or it goes without a trace.
type tempFile struct {
	dest   *destination
	path   string // "": it has no name yet
	file   *os.File
	dir    *os.File // the folder, to be synced after the rename; nil where that is not possible or not needed
	lock   *os.File // holds the lock until the file has its own name or is gone; may be nil
	part   *part    // not nil: the file stays when the run fails
	closed bool
}

// replace writes the stream to a temporary file and, in the last step, puts it in the destination's place.
func (d *destination) replace(ctx context.Context, in *pipeline.Inlet) error {
	t, err := d.create()
	if err != nil {
		return err
	}
	in.AtEnd(t.end) // from here on, also when this function panics
	defer t.release()
	f := newFiller(t.file, in, d.opts)
	if t.path == "" {
		f.after = func(int64) error { return t.grown(f.off) }
	}
	if t.part != nil {
		t.part.follow(f)
		defer t.part.pause(f)
	}
	if err := in.CopyTo(ctx, f); err != nil {
		return t.named(err)
	}
	if err := f.finish(); err != nil {
		return t.named(err)
	}
	return t.finish(ctx, f.end)
}

// create makes a temporary file, or takes up a partial one.
func (d *destination) create() (*tempFile, error) {
	folder, base := filepath.Split(d.path)
	sweep(d.tree, d.path)
	t := &tempFile{dest: d}
	var err error
	if d.opts.Durability != DurabilityNone || d.opts.Root != nil { // to sync it, or to link into it
		if t.dir, err = openDir(d.tree, folder); err != nil {
			return nil, &fs.PathError{Op: "open", Path: d.name, Err: cause(err)}
		}
	}
	switch {
	case d.opts.Resume != "":
		err = t.resume()
	case d.old != nil || !t.createNameless(folder):
		err = t.createNew(folder + prefix(base))
	}
	if err != nil {
		t.dir.Close() // nil is in order
		return nil, err
	}
	return t, nil
}

// newMode is the mode with which the file is opened: never one that lets others in who will not be let in
// later.
func (d *destination) newMode() fs.FileMode {
	switch {
	case d.old != nil, d.opts.Owner != nil && d.opts.Mode != 0:
		return 0o600 // until finish
	case d.opts.Mode == 0:
		return 0o666
	}
	return d.opts.Mode
}

// createNew makes and locks a new file with the given prefix. Between the two, a run that looks for stale
// files may take it for one: then it has no name any more, or the other one has the lock, and another file
// is made.
func (t *tempFile) createNew(prefix string) error {
	d := t.dest
	for range 10000 {
		t.path = prefix + random()
		var err error
		t.file, err = d.tree.OpenFile(t.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, d.newMode())
		switch {
		case errors.Is(err, fs.ErrExist):
			continue
		case err != nil:
			return &fs.PathError{Op: "open", Path: d.name, Err: cause(err)}
		}
		var mine bool
		if t.lock, mine = lock(t.file); mine && isAt(d.tree, t.path, t.file) {
			return nil
		}
		t.lock.Close() // nil is in order
		t.file.Close()
		_ = d.tree.Remove(t.path)
	}
	return &fs.PathError{Op: "open", Path: d.name, Err: fs.ErrExist}
}

// grown gives a file without a name its temporary one as soon as n, its length, is more than such a file
// should have. Without that it goes on as it is.
func (t *tempFile) grown(n int64) error {
	if t.path == "" && n > namelessMax {
		_ = t.giveName()
	}
	return nil
}

// giveName gives a file without a name its temporary one. It is locked before anybody can see it.
func (t *tempFile) giveName() (err error) {
	if t.lock == nil {
		t.lock, _ = lock(t.file)
	}
	folder, base := filepath.Split(t.dest.path)
	for range 10000 {
		path := folder + prefix(base) + random()
		if err = t.link(path); err == nil {
			t.path = path
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return err
}

// isAt reports whether f is still the file that path names.
func isAt(tree tree, path string, f *os.File) bool {
	there, err := tree.Lstat(path)
	if err != nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && os.SameFile(there, info)
}

// randomLen is how many letters and digits a temporary name ends with.
const randomLen = 13

func random() string {
	s := strconv.FormatUint(rand.Uint64(), 36)
	return strings.Repeat("0", randomLen-len(s)) + s
}

// prefix returns what the names of a file's temporary files begin with. A directory entry holds 255 bytes
// nearly everywhere.
func prefix(base string) string { return "." + shorten(base, 200) + ".weir-" }

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

// finish does all that can fail before the rename, when the file has all its bytes, the last at size.
func (t *tempFile) finish(ctx context.Context, size int64) error {
	d := t.dest
	if err := t.setMode(); err != nil {
		return t.named(err)
	}
	if err := t.setTimes(); err != nil {
		return t.named(err)
	}
	if d.opts.Durability != DurabilityNone {
		if err := syncFile(t.file, d.opts.Durability); err != nil {
			return t.named(t.part.failed(err))
		}
	}
	if t.part != nil {
		t.part.finished(size)
	}
	if d.opts.Check != nil {
		if err := d.opts.Check(ctx, t.file); err != nil {
			return err
		}
	}
	if err := t.release(); err != nil {
		return t.named(t.part.failed(err))
	}
	if runtime.GOOS == "windows" { // where closing a file that was written sets its time
		return t.named(t.setTimes())
	}
	return nil
}

// setMode gives the file its owner and its mode.
func (t *tempFile) setMode() error {
	opts, old := t.dest.opts, t.dest.old
	groupKept := true
	switch {
	case opts.Owner != nil:
		if err := opts.Owner.give(t.file); err != nil {
			return err
		}
	case old != nil:
		groupKept = keepOwner(t.file, old)
	}
	var mode fs.FileMode
	switch {
	case opts.Owner != nil && opts.Mode != 0:
		mode = opts.Mode
	case old == nil:
		return nil
	default:
		mode = old.Mode().Perm()
	}
	if !groupKept {
		mode = mode&^0o070 | mode&0o007<<3
	}
	return t.file.Chmod(mode)
}

// setTimes sets the times that the options have.
func (t *tempFile) setTimes() error {
	if t.path != "" {
		return t.dest.setTimes(t.dest.tree, t.path)
	}
	path, err := t.namelessPath()
	if err != nil {
		return err
	}
	return t.dest.setTimes(system{}, path)
}

// setTimes sets the times that the options have on the file at path.
func (d *destination) setTimes(tree tree, path string) error {
	if d.opts.ModTime.IsZero() && d.opts.AccessTime.IsZero() {
		return nil
	}
	return tree.Chtimes(path, d.opts.AccessTime, d.opts.ModTime)
}

// release closes the file when it has all its bytes, unless it has no name and would be lost. The lock stays.
func (t *tempFile) release() error {
	if t.path == "" {
		return nil
	}
	return t.close()
}

// close closes the file once.
func (t *tempFile) close() error {
	if t.closed {
		return nil
	}
	t.closed = true
	return t.file.Close()
}

// end is the last step: the file takes the destination's place, or goes.
func (t *tempFile) end(_ context.Context, failed error) error {
	defer func() { t.lock.Close() }() // nil is in order; publish may take it
	defer t.dir.Close()
	defer t.part.close()
	defer t.close()
	if failed != nil {
		return t.undo()
	}
	if err := t.publish(); err != nil {
		if left := t.undo(); left != nil {
			return fmt.Errorf("%w (its temporary file is left: %w)", err, left)
		}
		return err
	}
	if err := t.close(); err != nil { // if it had no name
		return fmt.Errorf("%s is in place, but: %w", t.dest.name, t.named(err))
	}
	if err := t.syncDir(); err != nil {
		return err
	}
	return t.part.published()
}

func (t *tempFile) publish() error {
	d := t.dest
	if t.path == "" {
		err := t.link(d.path)
		if !errors.Is(err, fs.ErrExist) || d.opts.NoClobber || d.opts.Append {
			return t.named(err)
		}
		if err := t.giveName(); err != nil { // somebody has made a file there meanwhile
			return t.named(err)
		}
	}
	if d.opts.NoClobber || d.old == nil && d.opts.Append {
		return t.named(createOnly(d.tree, t.dir, t.path, d.path))
	}
	return t.named(rename(d.tree, t.path, d.path))
}

// syncDir makes the rename last.
func (t *tempFile) syncDir() error {
	if t.dir == nil || t.dest.opts.Durability == DurabilityNone {
		return nil
	}
	if err := syncFile(t.dir, t.dest.opts.Durability); err != nil && !cannotSync(err) {
		return fmt.Errorf("%s is in place, but may be lost if the system crashes now: %w", t.dest.name, err)
	}
	return nil
}

// undo removes the file, unless it is to be kept.
func (t *tempFile) undo() error {
	if t.part != nil && t.part.keep() || t.path == "" {
		return nil
	}
	if err := t.dest.tree.Remove(t.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return t.part.remove()
}

// named gives an error about the temporary file the name that the user knows.
func (t *tempFile) named(err error) error { return t.dest.named(err, t.path, t.file.Name()) }
