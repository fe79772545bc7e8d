//go:build !unix

package sources

import (
	"context"
	"io/fs"
	"os"
)

func openSpecial(_ context.Context, name string, _ fs.FileInfo) (*os.File, error) {
	return os.Open(name)
}

func sizeIsBuffer(*os.File, fs.FileInfo) bool { return false }
