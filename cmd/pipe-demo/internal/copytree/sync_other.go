//go:build !linux

package copytree

import (
	"errors"
	"os"
)

func syncsFileSystem(*os.File) bool { return false }

func syncFileSystem(*os.File) error { return errors.ErrUnsupported }
