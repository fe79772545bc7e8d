//go:build !unix

package sources

import (
	"context"
	"io/fs"
	"os"
)

func open(_ context.Context, in tree, name string) (*os.File, error) {
	return in.OpenFile(name, os.O_RDONLY, 0)
}

func prepare(context.Context, *os.File, fs.FileInfo) error { return nil }
