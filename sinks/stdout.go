package sinks

import (
	"context"
	"os"

	"github.com/weirflow/weir/internal/fileid"
	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
)

// Stdout writes the stream to the process's standard output as it comes. It cannot undo. [os.Stdout] stays
// open, also after a failure, and may be written to after the run; runs at once mix. If it is a regular file that the run
// also reads, or writes in another way, the run fails before it writes anything: see [pipeline.SameFileError].
//
// A reader that has closed its end fails the run with an [*io/fs.PathError] for EPIPE; it does not end the process. A
// write to a pipe, a terminal or a socket is interrupted when the run ends early, except to a Windows console.
func Stdout() pipeline.Sink {
	return pipeline.NewSink("stdout", func(ctx context.Context, in *pipeline.Inlet) (err error) {
		f, err := ioctx.Stdout()
		if err != nil {
			return err
		}
		defer func() {
			if cerr := f.Close(); err == nil {
				err = cerr // of the duplicate: a network file system tells here that a write failed
			}
		}()
		return copyTo(ctx, in, f)
	}).Writes(true, func() any { return place(fileid.PlaceOfFile(os.Stdout)) })
}
