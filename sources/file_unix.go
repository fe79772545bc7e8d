//go:build unix && !linux

package sources

import (
	"context"
	"io/fs"
	"os"
	"syscall"

	"github.com/weirflow/weir/internal/ioctx"
)

// open opens name. Not every system can tell whether a FIFO that was opened in non-blocking mode has had a
// writer, so open(2) waits for one; the end of ctx opens the FIFO for writing, which ends that wait.
func open(ctx context.Context, in tree, name string) (*os.File, error) {
	info, err := in.Stat(name)
	switch {
	case err != nil || info.Mode().IsRegular() || info.IsDir():
		return in.OpenFile(name, os.O_RDONLY, 0) // its error is of open, not of stat
	case info.Mode()&fs.ModeNamedPipe == 0:
		return in.OpenFile(name, os.O_RDONLY|syscall.O_NOCTTY, 0)
	}
	opened := make(chan struct{})
	release := ioctx.Interrupt(ctx, func() {
		// For reading as well: opening only for writing fails if the reader does not wait yet.
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
