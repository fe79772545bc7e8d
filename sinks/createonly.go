//go:build !windows

package sinks

import (
	"fmt"
	"os"
)

// createOnly renames from to to, unless to exists: then its error is fs.ErrExist.
func createOnly(from, to string) error {
	if done, err := renameNoReplace(from, to); done {
		return err
	}
	if err := os.Link(from, to); err != nil {
		return err
	}
	if err := os.Remove(from); err != nil {
		return fmt.Errorf("the file is in place, but its temporary name is left: %w", err)
	}
	return nil
}
