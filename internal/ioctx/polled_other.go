//go:build !unix || aix

package ioctx

import (
	"context"
	"io"
	"os"
)

// waits returns false: files are interrupted by Close, which on Windows wakes a read of a pipe.
func waits(*os.File) bool { return false }

type polled struct{ io.ReadWriter }

func newPolled(context.Context, *os.File, int) *polled { panic("unreachable: waits is false") }

func (*polled) release() {}
