//go:build (!unix && !windows) || aix

package ioctx

import (
	"errors"
	"os"
)

func open(f *os.File, _ int) (*os.File, error) {
	return nil, &os.PathError{Op: "dup", Path: f.Name(), Err: errors.ErrUnsupported}
}
