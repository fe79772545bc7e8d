package sources

import (
	"context"
	"io"

	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
)

// Stdin emits the process's standard input. [os.Stdin] stays open. A further run continues where the previous
// one stopped reading, which may be after the last byte that its flow has used; concurrent runs divide the input.
//
// Ends at the end of the input. Of a regular file, Stdin promises the rest, by its size at the start, and
// reads no more; if the file shrinks during the run, the run fails with
// io.ErrUnexpectedEOF. A read from a pipe, a terminal or a socket is interrupted when the run ends early,
// except from a Windows console.
func Stdin() pipeline.Source {
	return pipeline.NewSource("stdin", func(ctx context.Context, out *pipeline.Outlet) error {
		f, err := ioctx.Stdin()
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() && !unsized(f, info) {
			at, err := f.Seek(0, io.SeekCurrent)
			if err != nil {
				return err
			}
			if left := info.Size() - at; left > 0 {
				return exactly(ctx, out, f, f.Name(), left)
			}
		}
		return copyFrom(ctx, out, f)
	})
}
