//go:build !windows

package sinks

import (
	"fmt"
	"os"
)

// createOnly renames from to to, in the folder dir, unless to exists: then its error is fs.ErrExist. dir
// may be nil.
func createOnly(tree tree, dir *os.File, from, to string) error {
	if done, err := renameNoReplace(tree, dir, from, to); done {
		return err
	}
	if err := tree.Link(from, to); err != nil {
		return err
	}
	if err := tree.Remove(from); err != nil {
		return fmt.Errorf("the file is in place, but its temporary name is left: %w", err)
	}
	return nil
}
