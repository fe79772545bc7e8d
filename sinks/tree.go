package sinks

import (
	"io/fs"
	"os"
	"time"
)

// tree is where a destination's path leads: through the whole system, or through an [os.Root].
type tree interface {
	OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error)
	Stat(name string) (fs.FileInfo, error)
	Lstat(name string) (fs.FileInfo, error)
	Readlink(name string) (string, error)
	Rename(from, to string) error
	Link(from, to string) error
	Remove(name string) error
	Chtimes(name string, access, mod time.Time) error
}

type system struct{}

func (system) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, perm)
}
func (system) Stat(name string) (fs.FileInfo, error)            { return os.Stat(name) }
func (system) Lstat(name string) (fs.FileInfo, error)           { return os.Lstat(name) }
func (system) Readlink(name string) (string, error)             { return os.Readlink(name) }
func (system) Rename(from, to string) error                     { return os.Rename(from, to) }
func (system) Link(from, to string) error                       { return os.Link(from, to) }
func (system) Remove(name string) error                         { return os.Remove(name) }
func (system) Chtimes(name string, access, mod time.Time) error { return os.Chtimes(name, access, mod) }
