//go:build !linux

package main

import (
	"errors"
	"os"
)

const canSyncFileSystem = false

func syncFileSystem(*os.File) error { return errors.ErrUnsupported }
