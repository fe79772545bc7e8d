package sinks

import (
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// createOnly renames from to to, unless to exists: then its error is fs.ErrExist.
func createOnly(tree tree, _ *os.File, from, to string) error {
	if _, ok := tree.(system); !ok {
		return linkOnly(tree, from, to)
	}
	old, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	return patiently(func() error {
		if err := windows.MoveFileEx(old, name, windows.MOVEFILE_WRITE_THROUGH); err != nil {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
		}
		return nil
	})
}

// linkOnly is for an [os.Root], whose Rename replaces.
func linkOnly(tree tree, from, to string) error {
	if err := tree.Link(from, to); err != nil {
		return err
	}
	if err := tree.Remove(from); err != nil {
		return fmt.Errorf("the file is in place, but its temporary name is left: %w", err)
	}
	return nil
}
