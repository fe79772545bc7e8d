//go:build !unix || aix || solaris

package atomicfile

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const nonblock = 0

// A dir is a directory in an [os.Root], which holds it open. Its methods are the operations that make, find,
// name and remove files; names are those of entries.
type dir struct {
	root   *os.Root
	own    bool   // root is the directory itself, and not one of the caller
	prefix string // of names in root
	path   string // of the directory, if own
	name   string // for errors

	longest int // stem, once one has been asked for
}

// openDir opens a directory, in root if that is not nil. "" is the present directory.
func openDir(root *os.Root, path string) (*dir, error) {
	if root != nil {
		at := path
		if at == "" {
			at = "."
		}
		if _, err := root.Stat(at); err != nil {
			return nil, err
		}
		return &dir{root: root, prefix: path, name: path}, nil
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if root, err = os.OpenRoot(abs); err != nil {
		return nil, err
	}
	return &dir{root: root, own: true, path: abs + string(filepath.Separator), name: path}, nil
}

// enter opens the directory that a path leads to from d.
func (d *dir) enter(path string) (*dir, error) {
	if filepath.IsAbs(path) {
		return openDir(nil, path)
	}
	return openDir(nil, d.path+path)
}

func (d *dir) close() {
	if d.own {
		d.root.Close()
	}
}

func (d *dir) open(name string, flag int, perm fs.FileMode, _ string) (*os.File, error) {
	return d.root.OpenFile(d.prefix+name, flag, perm)
}

func (d *dir) lstat(name string) (stat, error) {
	info, err := d.root.Lstat(d.prefix + name)
	if err != nil {
		return stat{}, err
	}
	return newStat(info), nil
}

// statFile is what is known of an open file.
func statFile(f *os.File) (stat, error) {
	info, err := f.Stat()
	if err != nil {
		return stat{}, err
	}
	return newStat(info), nil
}

func (d *dir) readlink(name string) (string, error) { return d.root.Readlink(d.prefix + name) }

func (d *dir) symlink(target, name string) error { return d.root.Symlink(target, d.prefix+name) }

func (d *dir) remove(name string) error { return d.root.Remove(d.prefix + name) }

// rename gives a file of d the name to in the directory at, in place of what has it.
func (d *dir) rename(from string, at *dir, to string) error {
	return patiently(func() error {
		if d.own && d.root != at.root {
			return os.Rename(d.path+from, at.path+to)
		}
		return d.root.Rename(d.prefix+from, at.prefix+to)
	})
}

// link gives a file of d another name. One that is taken is fs.ErrExist.
func (d *dir) link(from string, at *dir, to string) error {
	if d.own && d.root != at.root {
		return os.Link(d.path+from, at.path+to)
	}
	return d.root.Link(d.prefix+from, at.prefix+to)
}

// chtimes sets a file's times; a zero time is left as it is.
func (d *dir) chtimes(name string, access, mod time.Time) error {
	return d.root.Chtimes(d.prefix+name, access, mod)
}

// sync: a directory cannot be synced.
func (d *dir) sync(Sync) error { return nil }

// syncFile syncs an open file.
func syncFile(f *os.File, s Sync) error {
	if s == SyncNone {
		return nil
	}
	return f.Sync()
}

// A stat is what is known of a file.
type stat struct {
	mode    fs.FileMode
	links   uint64 // not known: 1
	size    int64
	modTime time.Time
	info    fs.FileInfo
}

func newStat(info fs.FileInfo) stat {
	return stat{mode: info.Mode(), links: 1, size: info.Size(), modTime: info.ModTime(), info: info}
}

// same reports whether both are of one file.
func (s stat) same(other stat) bool { return os.SameFile(s.info, other.info) }

// ours: whose file it is is not known.
func (s stat) ours() bool { return true }

func (s stat) owner() (uid, gid int) { return -1, -1 }

func (d *dir) gives(int, int) bool { return false }

func (d *dir) removed() bool { return false }

func (d *dir) obstacle(string, stat) error { return nil }

func (d *dir) writable(string) bool { return false }

func descriptor(string) (fd int, ok bool) { return 0, false }

// chown, keepOwner: files have no numeric owners.
func chown(f *os.File, uid, gid int) error { return f.Chown(uid, gid) }

func keepOwner(*os.File, stat) (group bool) { return true }

func mayNotOwn(error) bool { return true }

// OpenSpecial opens what is written in place.
func (d *Destination) OpenSpecial(context.Context) (*os.File, error) {
	f, err := d.dir.open(d.base, os.O_WRONLY, 0, d.name)
	if err != nil {
		return nil, d.failed("open", err)
	}
	return f, nil
}
