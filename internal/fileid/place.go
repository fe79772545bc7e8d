package fileid

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// A Place is where bytes are kept: a regular file or a block device, by whatever name, or a name in a directory that no file has yet.
// Places are comparable.
type Place struct {
	ID          // of the file, the device or the directory
	Name string // in the directory
}

// PlaceOf returns the Place that name leads to, in root if that is not nil. It reports false for what keeps nothing (FIFOs, terminals, sockets,
// /dev/null), and if it cannot be found out. It opens nothing, except on Windows.
func PlaceOf(root *os.Root, name string) (Place, bool) {
	var in tree = files{}
	if root != nil {
		in = root
	}
	for range maxLinks {
		info, err := in.Stat(name)
		switch {
		case err == nil:
			id, ok := idOf(in, name, info)
			return Place{ID: id}, ok
		case !errors.Is(err, fs.ErrNotExist):
			return Place{}, false
		}
		dir, base := filepath.Split(name) // which cleans nothing
		to, err := in.Readlink(name)
		if err != nil { // it is not a link that leads nowhere
			return newPlace(in, dir, base)
		}
		if filepath.IsAbs(to) {
			dir = ""
		}
		name = dir + to
	}
	return Place{}, false
}

// maxLinks is how many symbolic links Linux follows.
const maxLinks = 40

// PlaceOfFile is [PlaceOf] for an open file.
func PlaceOfFile(f *os.File) (Place, bool) {
	info, err := f.Stat()
	if err != nil {
		return Place{}, false
	}
	if id, ok := device(info); ok {
		return Place{ID: id}, true
	}
	id := OfFile(f, info).ID
	return Place{ID: id}, info.Mode().IsRegular() && id != ID{}
}

// newPlace is the Place of a file that does not exist.
func newPlace(in tree, dir, base string) (Place, bool) {
	if dir == "" {
		dir = "."
	}
	info, err := in.Stat(dir)
	if err != nil || !info.IsDir() || base == "" {
		return Place{}, false
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" { // where most file systems fold case
		base = strings.ToLower(base)
	}
	id, ok := identify(in, dir, info)
	return Place{id, base}, ok
}

// idOf is the ID of what is there, if it keeps bytes.
func idOf(in tree, name string, info fs.FileInfo) (ID, bool) {
	if id, ok := device(info); ok {
		return id, true
	}
	if !info.Mode().IsRegular() {
		return ID{}, false
	}
	return identify(in, name, info)
}

func identify(in tree, name string, info fs.FileInfo) (ID, bool) {
	id := Of(info).ID
	if id == (ID{}) && runtime.GOOS == "windows" {
		f, err := in.Open(name)
		if err != nil {
			return ID{}, false
		}
		defer f.Close()
		id = OfFile(f, info).ID
	}
	return id, id != ID{}
}

// tree resolves names: in the whole file system, or in an [os.Root].
type tree interface {
	Open(name string) (*os.File, error)
	Stat(name string) (fs.FileInfo, error)
	Readlink(name string) (string, error)
}

type files struct{}

func (files) Open(name string) (*os.File, error)    { return os.Open(name) }
func (files) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }
func (files) Readlink(name string) (string, error)  { return os.Readlink(name) }
