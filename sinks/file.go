package sinks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/weirflow/weir/pipeline"
)

// FileOptions are the settings of [FileWith].
type FileOptions struct {
	// Mode has the permission bits of a new file, before the umask takes away from them; 0 means 0666. A file that exists keeps
	// its own.
	Mode fs.FileMode

	// NoClobber makes the run fail with an error that is [fs.ErrExist] if the file exists: before anything is read, and
	// also if it comes into being during the run. A symbolic link exists whether its target does or not. FIFOs and
	// character devices, which hold nothing that could be lost, are written to all the same.
	NoClobber bool
}

// File writes the stream to the file called name. See [FileWith].
func File(name string) pipeline.Sink { return FileWith(name, FileOptions{}) }

// FileWith writes the stream to a file, which appears, or takes the place of an old one, only when the whole run has
// succeeded; its folder must exist. A failed run leaves what was there before, and nothing else.
//
// The stream goes to a temporary file in the same folder, called .NAME.weir-RANDOM and locked (flock) while in use. When
// all of it is there, it is synced and closed, and the run's last step renames it and syncs the folder. So a flow may
// replace the file that it reads, and of several runs at once that write to one name, the last one to end wins, whole.
//
// An old file's permission bits are kept, and its owner and group as far as the system allows it; a group that cannot be kept
// loses what others may not do either. Further hard links to it keep the old content; its extended attributes are lost. A symbolic link stays, and its
// target is replaced.
//
// FIFOs, devices (/dev/null) and descriptors (/dev/stdout, /dev/fd/3) are written in place, as the stream comes, and cannot
// be undone. FileWith waits until a FIFO has a reader; that wait, and writes that block, are interrupted when the run ends early.
//
// Fails before it reads if name is a directory, or in a folder that is missing or not writable. If the folder's sync fails after
// the rename, the error says that the file is in place.
func FileWith(name string, opts FileOptions) pipeline.Sink {
	return pipeline.NewSink("file", func(ctx context.Context, in *pipeline.Inlet) error {
		if opts.Mode&^fs.ModePerm != 0 {
			return fmt.Errorf("mode %#o: want permission bits, at most 0777", uint32(opts.Mode))
		}
		d, err := locate(name, opts)
		switch {
		case err != nil:
			return err
		case d.inPlace:
			return d.pass(ctx, in)
		}
		return d.replace(ctx, in)
	})
}

// destination is what a name turns out to stand for.
type destination struct {
	name string // as given, for errors
	path string // of what is to be written, symbolic links followed
	opts FileOptions

	inPlace bool
	fd      int         // of the process, if the name stands for one; else -1
	old     fs.FileInfo // what is there now; nil: nothing
}

// locate finds out what name stands for. It changes nothing.
func locate(name string, opts FileOptions) (*destination, error) {
	d := &destination{name: name, opts: opts, fd: -1}
	failed := func(err error) (*destination, error) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	switch _, file := filepath.Split(name); {
	case name == "":
		return nil, errors.New("the file's name is empty")
	case file == "":
		return failed(syscall.EISDIR)
	}
	old, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(name); err == nil && opts.NoClobber {
			return failed(fs.ErrExist)
		}
	case err != nil:
		return failed(cause(err))
	case old.IsDir():
		return failed(syscall.EISDIR)
	default:
		d.old = old
	}
	if err := d.follow(); err != nil {
		return failed(cause(err))
	}
	d.inPlace = d.fd >= 0 || d.old != nil && !d.old.Mode().IsRegular()
	if d.old != nil && opts.NoClobber && (!d.inPlace || isBlockDevice(d.old)) {
		return failed(fs.ErrExist)
	}
	return d, nil
}

// follow sets d.path: the rename must hit the file at the end of the links, not the first link. It neither cleans paths nor
// joins them, because "a/.." is something else than "." when a is a link.
func (d *destination) follow() error {
	path, err := absolute(d.name)
	if err != nil {
		return err
	}
	for range 255 { // more than any system follows; os.Stat has found it in order
		if fd, ok := descriptor(path); ok {
			d.fd = fd
			return nil
		}
		d.path = path
		if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return nil // an error means that there is nothing yet, or shows when it is opened
		}
		link, err := os.Readlink(path)
		if err != nil {
			return err
		}
		if !filepath.IsAbs(link) {
			dir, _ := filepath.Split(path)
			link = dir + link
		}
		path = link
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

// cause strips an error of the os package of its operation and path.
func cause(err error) error {
	if e, ok := err.(*fs.PathError); ok { //nolint:errorlint // only the outermost one
		return e.Err
	}
	return err
}
