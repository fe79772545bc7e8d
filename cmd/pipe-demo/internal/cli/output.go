package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/weirflow/weir/internal/atomicfile"
)

// Existing is what a command does about an output that exists: it refuses to start, unless a flag says otherwise.
type Existing struct {
	Force     bool // replace it
	NoClobber bool // leave it, and skip the copy
	InPlace   bool // with Force: write over it, instead of replacing it
}

// AddFlags are --force and --no-clobber.
func (e *Existing) AddFlags(f *pflag.FlagSet) {
	f.BoolVarP(&e.Force, "force", "f", false, "replace an existing output")
	f.BoolVarP(&e.NoClobber, "no-clobber", "n", false, "leave an existing output and exit 0")
}

// Check fails if the flags contradict each other.
func (e Existing) Check() error {
	if e.Force && e.NoClobber {
		return Usage("-f and -n exclude each other: -f replaces an existing output, -n leaves it")
	}
	return nil
}

// Replace is nil if the output called path may be replaced, ErrSkipped if it is to be left, and otherwise the error of
// an output that exists. What the kernel makes up (/proc, /sys) has no content that could be lost.
func (e Existing) Replace(path string) error {
	switch {
	case !e.Force && atomicfile.IsPseudo(path):
		return nil
	case e.NoClobber:
		return ErrSkipped
	case !e.Force && e.InPlace:
		return Errorf(ExitExists, "%s: exists already", path).WithHint("-f writes over it, -n skips it")
	case !e.Force:
		return Errorf(ExitExists, "%s: exists already", path).WithHint("-f replaces it, -n skips it")
	}
	return nil
}

// An Output is a local file that a command is about to make, and what was there when it was looked at. It is looked at
// once, so that all that is decided about it is decided about the same file.
type Output struct {
	Path string
	Info fs.FileInfo // what is there, behind links; a link that leads nowhere is what is there itself; nil: nothing
	err  error       // why nothing is known about it
}

// LookAt finds out what is at path.
func LookAt(path string) Output {
	if isDescriptor(path) {
		return Output{Path: path}
	}
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if to, serr := os.Stat(path); !errors.Is(serr, fs.ErrNotExist) {
			info, err = to, serr
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Output{Path: path}
	case err != nil:
		return Output{Path: path, err: err}
	}
	return Output{Path: path, Info: info}
}

// Exists reports whether there is something that the name leads to.
func (o Output) Exists() bool { return o.Info != nil && o.Info.Mode()&fs.ModeSymlink == 0 }

// IsDir reports whether the output is a directory, to make a file in.
func (o Output) IsDir() bool { return o.Info != nil && o.Info.IsDir() }

// Loses reports whether writing to the output loses what is there. It does not for FIFOs, sockets and character devices,
// which are written to and not replaced.
func (o Output) Loses() bool {
	return o.Info != nil && o.Info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeCharDevice) == 0
}

// Is reports whether the output is the file that info is about, so that writing it would lose that.
func (o Output) Is(info fs.FileInfo) bool {
	return info != nil && o.Loses() && os.SameFile(o.Info, info)
}

// Same reports whether two outputs are one file, by name or through links.
func (o Output) Same(p Output) bool {
	a, kept := o.Place()
	b, keeps := p.Place()
	return kept && keeps && a == b
}

// Check says why the output may not be written, if it may not, before anything is.
func (o Output) Check(existing Existing) error {
	switch {
	case o.Path == "":
		return Usage("the name of the destination is empty").WithHint("a variable that is not set?")
	case isDescriptor(o.Path):
		return nil
	case o.err != nil:
		return Into(o.Path, o.err)
	case o.IsDir():
		return Errorf(ExitFailed, "%s: is a directory, and a sink is a file", o.Path).WithHint("name the file: " + JoinPath(o.Path, "NAME"))
	case o.Loses():
		return existing.Replace(o.Path)
	case o.Info != nil:
		return nil
	}
	if o.Path != "" && os.IsPathSeparator(o.Path[len(o.Path)-1]) {
		return fmt.Errorf("%s: no such directory", o.Path)
	}
	parent := Dir(o.Path)
	switch info, err := os.Stat(parent); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no directory %s", o.Path, parent)
	case err != nil:
		return Into(o.Path, err)
	case !info.IsDir():
		return fmt.Errorf("%s: %s is not a directory", o.Path, parent)
	}
	return nil
}

// isDescriptor reports whether a name stands for a descriptor of this process, which is written to and not replaced.
func isDescriptor(path string) bool {
	switch dir, _ := filepath.Split(path); {
	case path == "/dev/stdout", path == "/dev/stderr", dir == "/dev/fd/", dir == "/proc/self/fd/":
		return true
	}
	return false
}

// Cause takes the operation and the path off an error of package os, for messages that name them already.
func Cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		return le.Err
	}
	return err
}
