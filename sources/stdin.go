package sources

import (
	"context"
	"io"
	"os"

	"github.com/weirflow/weir/internal/fileid"
	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
)

// StdinOptions are the settings of [StdinWith].
type StdinOptions struct {
	// MayChange is that of [FileOptions], for an input that is a regular file.
	MayChange bool
}

// Stdin emits the process's standard input. See [StdinWith].
func Stdin() pipeline.Source { return StdinWith(StdinOptions{}) }

// StdinWith emits the process's standard input. [os.Stdin] stays open. A further run continues where the previous
// one stopped reading, which may be after the last byte that its flow has used; concurrent runs divide the input.
//
// Ends at the end of the input. Of a regular file, StdinWith promises the rest, by its size at the start, and
// reads no more; if the file changes during the run, the run fails, as with [FileWith]. A read from a pipe, a terminal or a socket is interrupted when the run ends early,
// except from a Windows console.
func StdinWith(opts StdinOptions) pipeline.Source {
	return pipeline.NewSource("stdin", func(ctx context.Context, out *pipeline.Outlet) error {
		f, err := ioctx.Stdin()
		if err != nil {
			return err
		}
		defer f.Close()
		c, err := lookAt(f, f.Name())
		if err != nil {
			return err
		}
		if size, sized, err := c.measure(); err == nil && sized && c.info.Mode().IsRegular() {
			at, err := f.Seek(0, io.SeekCurrent)
			if err != nil {
				return err
			}
			c.offset, c.length, c.known = at, size-at, size > at
		}
		if err := c.emit(ctx, out); err != nil || opts.MayChange {
			return err
		}
		return c.unchanged()
	}).Reads(func() any { return place(fileid.PlaceOfFile(os.Stdin)) })
}
