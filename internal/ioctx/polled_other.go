//go:build !unix || aix

package ioctx

import (
	"context"
	"io"
	"os"
)

// waits: no file is waited for here. On Windows, closing one wakes a read of a pipe.
func waits(*os.File) bool { return false }

type polled struct{ io.ReadWriter }

func newPolled(context.Context, *os.File, int) *polled { panic("unreachable: waits is false") }

func (*polled) release() {}
