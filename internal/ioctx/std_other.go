//go:build (!unix && !windows) || aix

package ioctx

import (
	"errors"
	"os"
)

func duplicate(f *os.File, _ int) (*os.File, error) {
	return nil, &os.PathError{Op: "dup", Path: f.Name(), Err: errors.ErrUnsupported}
}

func checkDescriptor(int) error { return nil }

func descriptor(string) (fd int, ok bool) { return 0, false }
