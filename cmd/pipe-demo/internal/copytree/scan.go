package copytree

import (
	"context"
	"os"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
)

// sizeOf adds up the sizes of all files, so that the progress has a percentage. It is -1 if that is not known: something cannot be read,
// a source of the command line is no regular file, or ctx has ended.
func sizeOf(ctx context.Context, copies []fileCopy) (total int64) {
	for _, f := range copies {
		var n int64
		if f.tree {
			n = sizeOfTree(ctx, f.src)
		} else if info, err := os.Stat(f.src); err == nil && info.Mode().IsRegular() {
			n = info.Size()
		} else {
			n = -1
		}
		if n < 0 {
			return -1
		}
		total += n
	}
	return total
}

// sizeOfTree adds up what path is or has. It is not [filepath.WalkDir], which cleans what is below a path.
func sizeOfTree(ctx context.Context, path string) (total int64) {
	info, err := os.Lstat(path)
	if err != nil || ctx.Err() != nil {
		return -1
	}
	switch {
	case info.Mode().IsRegular():
		return info.Size()
	case !info.IsDir():
		return 0 // a link, or what is skipped
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return -1
	}
	for _, e := range entries {
		if !e.IsDir() && !e.Type().IsRegular() {
			continue
		}
		n := sizeOfTree(ctx, cli.JoinPath(path, e.Name()))
		if n < 0 {
			return -1
		}
		total += n
	}
	return total
}
