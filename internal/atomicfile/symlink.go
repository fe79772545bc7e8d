package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// ReplaceLink makes the symbolic link called name lead to target, in the place of what has the name now; the
// name's own directory must exist, and root, if not nil, confines it. Its temporary names are
// .NAME.weir-link-0 and so on.
//
// A link cannot be locked. But it is complete as soon as it is there, so one that is in the way may be removed
// at any time: its maker notices that and makes another.
func ReplaceLink(root *os.Root, target, name string) error {
	failed := func(op string, err error) error { return &fs.PathError{Op: op, Path: name, Err: bare(err)} }
	parent, base := filepath.Split(name)
	d, err := openDir(root, parent)
	if err != nil {
		return failed("open", err)
	}
	defer d.close()
	defer func() { // what killed processes left; a link under a name that only files get is never in use
		for n := range gap {
			d.removeLink(d.linkName(base, n))
			d.removeLink(d.tempName(base, n))
		}
	}()
	n := 0
	for range maxTemps {
		temp := d.linkName(base, n)
		err := d.symlink(target, temp)
		if errors.Is(err, fs.ErrExist) {
			if !d.removeLink(temp) {
				n++
			}
			continue
		}
		if err != nil {
			return failed("symlink", err)
		}
		switch err = d.rename(temp, d, base); {
		case err == nil:
			return nil
		case !errors.Is(err, fs.ErrNotExist):
			err = failed("rename", err)
			if !d.removeLink(temp) {
				err = fmt.Errorf("%w (the temporary link %s is left)", err, temp)
			}
			return err
		}
	}
	return failed("symlink", fs.ErrExist)
}

func (d *dir) linkName(base string, n int) string {
	return d.stem(base) + ".weir-link-" + strconv.Itoa(n)
}

// removeLink removes a temporary link, and reports whether it is gone.
func (d *dir) removeLink(name string) bool {
	there, err := d.lstat(name)
	if err == nil && there.mode&fs.ModeSymlink != 0 && there.ours() {
		err = d.remove(name)
		return err == nil || errors.Is(err, fs.ErrNotExist)
	}
	return errors.Is(err, fs.ErrNotExist)
}
