//go:build !linux

package copytree

import (
	"errors"
	"os"
)

const canSyncFileSystem = false

func syncFileSystem(*os.File) error { return errors.ErrUnsupported }
