package cli

import (
	"fmt"
	"io/fs"
	"os"
)

// A Directory is what outputs go into. The zero Directory is not known.
type Directory struct {
	path string
	info fs.FileInfo
}

// LookAtDirectory finds out which directory is at path.
func LookAtDirectory(path string) Directory {
	info, err := os.Stat(path)
	if err != nil {
		return Directory{}
	}
	return Directory{path, info}
}

// Check fails if another directory, or none, is there by now: an output would be made in that one, and what has been begun
// is in the other.
func (d Directory) Check() error {
	if d.info == nil {
		return nil
	}
	if now, err := os.Stat(d.path); err != nil || !os.SameFile(now, d.info) {
		return fmt.Errorf("the directory %s was moved or replaced during the run", d.path)
	}
	return nil
}
