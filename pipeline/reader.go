package pipeline

import (
	"context"
	"io"
	"sync"
)

// Reader runs s for code that wants an io.Reader. The flow starts with the first
// Read. Read returns io.EOF only after the whole run has succeeded, its last steps included; a
// failure, or the end of ctx, is returned instead. Close stops the flow, which is not a failure, waits
// until nothing of it is left, and returns the run's error, if it had one. A
// reader that was read from must be read to its end or closed. Reads are served
// one at a time; Close may be called during a Read, which then returns [ErrClosed].
func (s Source) Reader(ctx context.Context) io.ReadCloser {
	return &sourceReader{
		source: s, ctx: ctx,
		reads:  make(chan []byte),
		counts: make(chan int),
		closed: make(chan struct{}),
		done:   make(chan struct{}),
	}
}

type sourceReader struct {
	source Source
	ctx    context.Context
	start  sync.Once
	close  sync.Once

	reading sync.Mutex    // one Read at a time
	reads   chan []byte   // what Read wants filled
	counts  chan int      // how much of it was
	closed  chan struct{} // by Close
	done    chan struct{} // the run is over, and err is set
	err     error
}

func (r *sourceReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	r.reading.Lock()
	defer r.reading.Unlock()
	select {
	case <-r.closed:
		return 0, ErrClosed
	default:
	}
	r.start.Do(func() { go r.run() })
	select {
	case r.reads <- p:
	case <-r.done:
		return 0, r.end()
	}
	// From here on p is the flow's until it answers.
	select {
	case n := <-r.counts:
		return n, nil
	case <-r.done:
		return 0, r.end()
	}
}

func (r *sourceReader) end() error {
	if r.err != nil {
		return r.err
	}
	select {
	case <-r.closed:
		return ErrClosed
	default:
		return io.EOF
	}
}

func (r *sourceReader) Close() error {
	r.close.Do(func() { close(r.closed) })
	r.start.Do(func() { close(r.done) }) // nothing was ever started
	<-r.done
	return r.err
}

func (r *sourceReader) run() {
	defer close(r.done)
	_, r.err = r.source.To(NewSink("reader", r.serve)).Run(r.ctx)
}

// serve answers Reads until EOF, or until Close.
func (r *sourceReader) serve(ctx context.Context, in *Inlet) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-r.closed:
			cancel(ErrClosed)
		case <-stop:
		}
	}()
	defer func() { close(stop); <-watched }()

	rd := in.Reader(ctx)
	for {
		var p []byte
		select {
		case p = <-r.reads:
		case <-ctx.Done():
		}
		n, err := 0, context.Cause(ctx)
		if err == nil {
			n, err = rd.Read(p)
		}
		switch {
		case err == nil:
			r.counts <- n // Read waits for it
		case err == io.EOF:
			return nil
		case err == ErrClosed: //nolint:errorlint // it is exactly that
			return Enough
		default:
			return err
		}
	}
}
