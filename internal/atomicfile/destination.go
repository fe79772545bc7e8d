package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A Destination is what a name stands for: a directory, which is open, a name in it, and what is there under
// that name. Create, Resume, Append, Overwrite and Adopt take it over; otherwise it has to be closed.
type Destination struct {
	name string   // as given, with the root's name in front; for errors
	path string   // symbolic links followed, for messages
	root *os.Root // may be nil
	dir  *dir     // nil if the name stands for a descriptor, and after Close
	lent bool     // dir belongs to another destination
	base string   // in dir

	link   bool // the name is one of a symbolic link
	exists bool
	pseudo bool // what is there is made up by the kernel
	old    stat // what is there, if exists
	fd     int  // of this process, if the name stands for one; else -1
}

// maxLinks is how many symbolic links Linux follows.
const maxLinks = 40

// Locate finds out what name stands for, in root if that is not nil. Symbolic links are followed, to a file
// that need not exist, but its directory must. No part of a path is cleaned: "link/.." is what the system
// makes of it. The errors are *fs.PathErrors. Locate changes nothing.
func Locate(root *os.Root, name string) (*Destination, error) {
	if name == "" {
		return nil, errors.New("the file's name is empty")
	}
	d := &Destination{name: PathIn(root, name), path: name, root: root, fd: -1}
	if err := d.locate(); err != nil {
		d.Close()
		return nil, d.failed("open", err)
	}
	return d, nil
}

// PathIn returns the path of what is called name in root, for messages and names. A nil root is the whole file
// system.
func PathIn(root *os.Root, name string) string {
	if root == nil || root.Name() == "." {
		return name
	}
	return strings.TrimSuffix(root.Name(), string(filepath.Separator)) + string(filepath.Separator) + name
}

func (d *Destination) locate() error {
	to := d.path // relative to d.dir, once there is one
	for range maxLinks {
		if fd, ok := descriptor(d.path); ok && d.root == nil {
			d.fd = fd
			return nil
		}
		parent, base := filepath.Split(to)
		if base == "" {
			return syscall.EISDIR
		}
		if err := d.enter(parent); err != nil {
			return err
		}
		d.base = base
		there, err := d.dir.look(base)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return d.failed("lstat", err)
		case there.mode.IsDir():
			return syscall.EISDIR
		case there.mode&fs.ModeSymlink == 0:
			d.exists, d.old = true, there
			d.pseudo = there.mode.IsRegular() && d.dir.isPseudo(there)
			return nil
		}
		d.link = true
		if to, err = d.dir.readlink(base); err != nil {
			return d.failed("readlink", err)
		}
		if filepath.IsAbs(to) {
			d.path = to
		} else {
			parent, _ := filepath.Split(d.path)
			d.path = parent + to
		}
	}
	return syscall.ELOOP
}

// enter opens the directory that a path leads to, from the present one on.
func (d *Destination) enter(parent string) error {
	from := d.dir
	if from != nil && parent == "" {
		return nil
	}
	var err error
	if d.root != nil || from == nil { // a root has to see the whole path
		parent, _ = filepath.Split(d.path)
		d.dir, err = openDir(d.root, parent)
	} else {
		d.dir, err = from.enter(parent)
	}
	if from != nil {
		from.close()
	}
	return err
}

// Close gives the destination up.
func (d *Destination) Close() {
	if d.dir != nil && !d.lent {
		d.dir.close()
	}
	d.dir = nil
}

// closeUnless closes the destination if what took it over has failed.
func (d *Destination) closeUnless(err *error) {
	if *err != nil {
		d.Close()
	}
}

// check fails if the destination cannot be written with the options.
func (d *Destination) check(opts Options) error {
	if d.Special() {
		return d.failed("open", errNotRegular)
	}
	return opts.check()
}

// Exists reports whether there is a file already.
func (d *Destination) Exists() bool { return d.exists }

// Special reports whether the destination is written in place because it cannot be replaced: a FIFO, a device,
// a descriptor of this process, a file that the kernel makes up (/proc, /sys). OpenSpecial opens it.
func (d *Destination) Special() bool {
	return d.fd >= 0 || d.exists && (d.pseudo || !d.old.mode.IsRegular())
}

// Descriptor returns the descriptor of this process that the name stands for, if it stands for one.
func (d *Destination) Descriptor() (fd int, ok bool) { return d.fd, d.fd >= 0 }

// Block reports whether the destination is a block device.
func (d *Destination) Block() bool {
	return d.exists && d.old.mode&fs.ModeDevice != 0 && d.old.mode&fs.ModeCharDevice == 0
}

// CheckNew fails with [fs.ErrExist] if there is something that could be lost, or a symbolic link.
func (d *Destination) CheckNew() error {
	if d.Special() && !d.Block() || !d.exists && !d.link {
		return nil
	}
	return d.failed("open", fs.ErrExist)
}

// failed is an error of the operation op, or of the one that err names, with the name that the user knows.
func (d *Destination) failed(op string, err error) error {
	if e, ok := err.(*fs.PathError); ok { //nolint:errorlint // only the outermost one
		op, err = plainOp(e.Op), e.Err
	}
	return &fs.PathError{Op: op, Path: d.name, Err: bare(err)}
}

// named gives an error about f the name that the user knows.
func (d *Destination) named(err error, f *os.File) error {
	if e, ok := err.(*fs.PathError); ok && e.Path == f.Name() { //nolint:errorlint // only the outermost one
		return d.failed(plainOp(e.Op), e.Err)
	}
	return err
}

// plainOp returns the operation without the suffix that the methods of [os.Root] give it.
func plainOp(op string) string {
	if n := len(op) - len("at"); n > 0 && op[n:] == "at" && op != "stat" && op != "lstat" {
		return op[:n]
	}
	return op
}
