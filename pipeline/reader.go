package pipeline

import (
	"context"
	"errors"
	"io"
	"sync"
)

// Reader runs s for code that wants an io.Reader. The flow starts with the first
// Read. Read returns io.EOF only after the whole run has succeeded, its last steps included. A
// failure is returned after the bytes that s had emitted before it, and the end of ctx after the rest of the current chunk. Close stops the flow, which
// is not a failure, waits until the run has ended, and returns its error, if it failed. A
// reader that was read from must be read to its end or closed: until then the flow waits. Reads are served
// one at a time; Close may be called during a Read, which then returns [ErrClosed].
func (s Source) Reader(ctx context.Context) io.ReadCloser {
	r := &sourceReader{done: make(chan struct{})}
	r.pipe, r.w = io.Pipe()
	r.closed, r.stop = context.WithCancel(context.Background())
	r.run = func() {
		defer close(r.done)
		_, r.err = s.To(NewSink("reader", func(nctx context.Context, in *Inlet) error { return r.serve(nctx, ctx, in) })).Run(ctx)
		if r.err == io.EOF { // the cause of ctx, not the end of the stream
			r.err = io.ErrUnexpectedEOF
		}
		_ = r.w.CloseWithError(r.err)
	}
	return r
}

type sourceReader struct {
	run    func()
	start  sync.Once
	pipe   *io.PipeReader
	w      *io.PipeWriter
	closed context.Context // ended by Close
	stop   context.CancelFunc
	done   chan struct{} // the run is over, and err is set
	err    error
}

func (r *sourceReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	r.start.Do(func() { go r.run() })
	n, err := r.pipe.Read(p)
	if err == io.ErrClosedPipe && r.closed.Err() != nil { //nolint:errorlint // the pipe's own
		err = ErrClosed
	}
	return n, err
}

func (r *sourceReader) Close() error {
	r.stop()
	_ = r.pipe.CloseWithError(ErrClosed)
	r.start.Do(func() { close(r.done) }) // nothing was ever started
	<-r.done
	return r.err
}

// serve writes to the pipe until EOF, or until Close. callers is the context of the run.
func (r *sourceReader) serve(ctx, callers context.Context, in *Inlet) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer afterFunc(r.closed, func() { cancel(ErrClosed) })()
	err := in.CopyTo(ctx, r.w)
	if err != nil && in.node.runCtx.Err() != nil { // another node has failed
		for callers.Err() == nil && r.closed.Err() == nil {
			c := in.ch.leftBehind()
			if c.n == 0 {
				break
			}
			werr := writeAll(r.w, c.Bytes())
			c.Release()
			if werr != nil {
				break
			}
		}
	}
	if errors.Is(err, ErrClosed) {
		return Enough
	}
	return err
}

// leftBehind removes the oldest chunk also from the channel of a run that has failed. Without one it is empty.
func (ch *channel) leftBehind() Chunk {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	c, _ := ch.pop()
	return c
}
