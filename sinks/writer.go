package sinks

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/weirflow/weir/internal/fileid"
	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
)

// Writer writes the stream to w as it comes. It is single-use: a second run fails with
// [pipeline.ErrSingleUse]. It cannot undo: what was written to w stays there when the run fails. The caller keeps w;
// what has to be flushed or closed, the caller flushes and closes after the run. w must not keep the slices
// it is given.
//
// A short write fails with io.ErrShortWrite.
//
// When the run ends early, a Write that blocks is interrupted by a write deadline, if w has SetWriteDeadline
// (it is cleared afterwards), else by w's Close, if it has one. Close is called in no other case. Neither is
// done to regular files, and an [*os.File] in blocking mode is waited for with poll(2) instead. A writer with
// neither holds up the end of the run until its Write returns. If w must not be closed during a Write, hide
// its Close with struct{ io.Writer }.
func Writer(w io.Writer) pipeline.Sink {
	var used atomic.Bool
	sink := pipeline.NewSink("writer", func(ctx context.Context, in *pipeline.Inlet) error {
		if w == nil {
			return errors.New("w is nil: want an io.Writer")
		}
		if used.Swap(true) {
			return pipeline.ErrSingleUse
		}
		return copyTo(ctx, in, w)
	})
	if f, ok := w.(*os.File); ok {
		sink = sink.Writes(true, func() any { return place(fileid.PlaceOfFile(f)) })
	}
	return sink
}

// copyTo writes the stream to w; the end of ctx interrupts a Write. What an interrupted Write returns does
// not matter: the engine knows why the node ended.
func copyTo(ctx context.Context, in *pipeline.Inlet, w io.Writer) error {
	w, release := ioctx.Writer(ctx, w)
	defer release()
	return in.CopyTo(ctx, withDescriptor(w))
}

// withDescriptor returns w as a [pipeline.Filler] if it has a descriptor and a ReadFrom of its own, as
// an [*os.File] and a [*net.TCPConn] have, which use copy_file_range, sendfile or splice.
func withDescriptor(w io.Writer) io.Writer {
	if k, ok := w.(kernelWriter); ok {
		return kernelFilled{k}
	}
	return w
}

type kernelWriter interface {
	io.Writer
	io.ReaderFrom
	syscall.Conn
}

type kernelFilled struct{ kernelWriter }

// FillFrom fails if bytes have been read that were not written. In a file they are read again.
func (w kernelFilled) FillFrom(r io.Reader, n int64) (int64, error) {
	begin, serr := int64(0), errors.ErrUnsupported
	s, ok := r.(io.Seeker)
	if ok {
		begin, serr = s.Seek(0, io.SeekCurrent)
	}
	moved, err := w.ReadFrom(io.LimitReader(r, n))
	if err != nil && serr == nil {
		if _, serr = s.Seek(begin+moved, io.SeekStart); serr == nil {
			err = nil
		}
	}
	return moved, err
}
