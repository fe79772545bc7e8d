package sources

import (
	"context"
	"io"

	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
)

// Stdin emits the process's standard input. [os.Stdin] stays open. A further run goes on where the one before
// has stopped reading, which may be a little behind what its flow has used; runs at once share the input.
//
// Ends at the end of the input. If that is a regular file, Stdin promises what is left of it by the size it
// has at the start, and reads no further; if the file shrinks meanwhile, the run fails with
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
