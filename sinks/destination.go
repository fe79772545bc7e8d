package sinks

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
)

// destination is what a name turns out to stand for.
type destination struct {
	name string // as given, for errors
	path string // of what is to be written, symbolic links followed
	opts FileOptions
	tree tree // that path is in

	special bool        // written in place, because it cannot be replaced
	fd      int         // of the process, if the name stands for one; else -1
	old     fs.FileInfo // what is there now; nil: nothing
}

// locate finds out what name stands for. It changes nothing.
func locate(name string, opts FileOptions) (*destination, error) {
	d := &destination{name: name, opts: opts, tree: system{}, fd: -1}
	if opts.Root != nil {
		d.tree = opts.Root
	}
	failed := func(err error) (*destination, error) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	switch _, file := filepath.Split(name); {
	case name == "":
		return nil, errors.New("the file's name is empty")
	case file == "":
		return failed(syscall.EISDIR)
	}
	old, err := d.tree.Lstat(name)
	link := err == nil && old.Mode()&fs.ModeSymlink != 0
	if link {
		old, err = d.tree.Stat(name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if link && opts.NoClobber {
			return failed(fs.ErrExist)
		}
	case err != nil:
		return failed(cause(err))
	case old.IsDir():
		return failed(syscall.EISDIR)
	default:
		d.old = old
	}
	if err := d.follow(link); err != nil {
		return failed(cause(err))
	}
	d.special = d.fd >= 0 || d.old != nil && !d.old.Mode().IsRegular()
	if d.old != nil && opts.NoClobber && (!d.special || isBlockDevice(d.old)) {
		return failed(fs.ErrExist)
	}
	return d, nil
}

// follow sets d.path: the rename must hit the file at the end of the links, not the first link. It neither
// cleans paths nor joins them, because "a/.." is something else than "." when a is a link. link says that the
// name is one.
func (d *destination) follow(link bool) error {
	path, err := d.name, error(nil)
	if d.opts.Root == nil {
		if path, err = absolute(path); err != nil {
			return err
		}
	}
	for range 255 { // more than any system follows; Stat has found it in order
		if fd, ok := descriptor(path); ok && d.opts.Root == nil {
			d.fd = fd
			return nil
		}
		if d.path = path; !link {
			return nil
		}
		if info, err := d.tree.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return nil // an error means that there is nothing yet, or shows when it is opened
		}
		to, err := d.tree.Readlink(path)
		if err != nil {
			return err
		}
		if !filepath.IsAbs(to) {
			dir, _ := filepath.Split(path)
			to = dir + to
		}
		path = to
	}
	return syscall.ELOOP
}

// absolute makes the path independent of a later os.Chdir.
func absolute(path string) (string, error) {
	if runtime.GOOS == "windows" { // where paths are cleaned anyway
		return filepath.Abs(path)
	}
	if filepath.IsAbs(path) {
		return path, nil
	}
	wd, err := os.Getwd()
	return wd + "/" + path, err
}

func isBlockDevice(info fs.FileInfo) bool {
	return info.Mode()&fs.ModeDevice != 0 && info.Mode()&fs.ModeCharDevice == 0
}

// named gives an error about the file at path, as which the file calls itself called as well, the name that
// the user knows.
func (d *destination) named(err error, called ...string) error {
	switch e := err.(type) { //nolint:errorlint // what upstream failed with keeps its own names
	case *os.SyscallError:
		return &fs.PathError{Op: e.Syscall, Path: d.name, Err: e.Err}
	case *os.LinkError:
		return &fs.PathError{Op: plainOp(e.Op), Path: d.name, Err: e.Err}
	case *fs.PathError:
		if slices.Contains(called, e.Path) {
			return &fs.PathError{Op: plainOp(e.Op), Path: d.name, Err: e.Err}
		}
	}
	return err
}

// plainOp returns the operation without the suffix that os.Root's methods give it.
func plainOp(op string) string {
	if n := len(op) - len("at"); n > 0 && op[n:] == "at" && op != "stat" {
		return op[:n]
	}
	return op
}

// cause strips an error of the os package of its operation and path.
func cause(err error) error {
	if e, ok := err.(*fs.PathError); ok { //nolint:errorlint // only the outermost one
		return e.Err
	}
	return err
}
