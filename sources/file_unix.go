//go:build unix && !linux

package sources

import (
	"context"
	"io/fs"
	"os"
	"syscall"

	"github.com/weirflow/weir/internal/ioctx"
)

// open opens name. Whether a FIFO that was opened in non-blocking mode has had a writer cannot be found out
// everywhere, so open(2) waits for it; at the end of ctx a writer of our own ends that.
func open(ctx context.Context, in tree, name string) (*os.File, error) {
	info, err := in.Stat(name)
	switch {
	case err != nil || info.Mode().IsRegular() || info.IsDir():
		return in.OpenFile(name, os.O_RDONLY, 0) // and its error, which says open, not stat
	case info.Mode()&fs.ModeNamedPipe == 0:
		return in.OpenFile(name, os.O_RDONLY|syscall.O_NOCTTY, 0)
	}
	opened := make(chan struct{})
	release := ioctx.Interrupt(ctx, func() {
		// Reading as well, because to open only for writing fails before the reader waits.
		if w, err := in.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK, 0); err == nil {
			<-opened
			w.Close()
		}
	})
	f, err := in.OpenFile(name, os.O_RDONLY, 0)
	close(opened)
	release()
	if err == nil && ctx.Err() != nil {
		f.Close()
		return nil, context.Cause(ctx)
	}
	return f, err
}

func prepare(context.Context, *os.File, fs.FileInfo) error { return nil }

func sizeIsBuffer(*os.File, fs.FileInfo) bool { return false }
