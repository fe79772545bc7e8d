package sinks

import (
	"context"
	"errors"
	"syscall"

	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
)

// ErrNoReader is in the chain of [Stdout]'s error when the reader of standard output has closed it.
var ErrNoReader = errors.New("nothing reads standard output any more")

// Stdout writes the stream to the process's standard output as it comes. It cannot undo. [os.Stdout] stays
// open, also after a failure, and may be written to after the run; runs at once mix.
//
// A reader that has closed its end fails the run with EPIPE and [ErrNoReader]; it does not end the process. A write to a pipe, a
// terminal or a socket is interrupted when the run ends early, except to a Windows console.
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
		err = copyTo(ctx, in, f)
		if errors.Is(err, syscall.EPIPE) {
			return noReader{err}
		}
		return err
	})
}

// noReader is an EPIPE of standard output.
type noReader struct{ error }

func (e noReader) Unwrap() error        { return e.error }
func (e noReader) Is(target error) bool { return target == ErrNoReader }
