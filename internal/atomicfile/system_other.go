//go:build !linux

package atomicfile

import (
	"io/fs"
	"os"
)

// reserve: space is not reserved.
func reserve(*os.File, int64, int64) (done bool, err error) { return false, nil }

// isPseudo: there are no such file systems.
func (d *dir) isPseudo(stat) bool { return false }

// nameMax: all file systems take names that are as long as temporary ones are made.
func (d *dir) nameMax() int { return maxName }

// look is lstat.
func (d *dir) look(name string) (stat, error) { return d.lstat(name) }

// immovable: nothing is known of it.
func (stat) immovable() error { return nil }

func (d *dir) hasDefaultACL() bool { return false }

// IsPseudo reports whether the file at path is one of a file system that the kernel makes up.
func IsPseudo(string) bool { return false }

// An access is what decides, beside owner and mode, who may use a file. It is not known here.
type access struct{}

func (d *dir) access(string) access { return access{} }

func (access) plain() bool { return true }

// give returns the mode that f is to have.
func (access) give(_ *os.File, mode fs.FileMode, group bool) fs.FileMode {
	if !group {
		mode = withoutGroup(mode)
	}
	return mode
}
