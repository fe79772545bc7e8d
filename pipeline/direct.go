package pipeline

import (
	"context"
	"io"
	"syscall"
)

// Where CopyFrom and CopyTo meet on one channel and both ends have a descriptor, the
// bytes need not pass through this process: the consumer, while it waits in CopyTo
// for chunks, lends its writer to the producer, whose CopyFrom calls FillFrom. Slices are
// short, so that progress, promises and cancellation work; bytes are counted, chunks
// are not; and what goes wrong is tried again with chunks, so that it fails
// where it belongs, in the source or in the sink.

// Filler is a writer that the kernel may be able to fill. [Inlet.CopyTo] lends a writer that
// implements it to upstream, for as long as it waits for chunks.
type Filler interface {
	io.Writer

	// FillFrom moves up to n bytes, at least one, from r to the writer and returns how many. r is
	// the reader that upstream gave to [Outlet.CopyFrom]; it has a descriptor ([syscall.Conn]), and
	// FillFrom leaves its position behind the bytes that were moved. FillFrom is called by upstream's
	// goroutine and never at the same time as Write. After an error, or 0 bytes, the rest of the stream
	// comes through Write; so a reader that the kernel cannot copy from is no failure.
	FillFrom(r io.Reader, n int64) (int64, error)
}

// fillSlice is how many bytes are moved at a time: some milliseconds' worth.
const fillSlice = 8 << 20

// fillable returns r's end with the descriptor, and the limit around it, if it has one.
func fillable(r io.Reader) (end io.Reader, limit *io.LimitedReader) {
	if lr, ok := r.(*io.LimitedReader); ok {
		r, limit = lr.R, lr
	}
	if _, ok := r.(syscall.Conn); !ok {
		return nil, nil
	}
	return r, limit
}

// offer lets the producer use w while the caller waits in take, if w is fit for
// it and no other is on offer.
func (in *Inlet) offer(w io.Writer) bool {
	e := in.channel
	filler, ok := w.(Filler)
	if !ok || e.lossy {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.direct != nil {
		return false
	}
	e.direct, e.offerer = filler, in
	return true
}

// retract takes the offer back. Nobody uses the writer after it.
func (in *Inlet) retract() {
	e := in.channel
	e.mu.Lock()
	e.direct, e.offerer = nil, nil
	wake := e.putters > 0
	e.mu.Unlock()
	if wake {
		signal(e.space)
	}
}

// moveDirect moves bytes from r to the writer on offer until r is at its end, or
// something else must be done with chunks. It reports whether to try again after
// the next chunk.
func (out *Outlet) moveDirect(ctx context.Context, r io.Reader, limit *io.LimitedReader) (again bool, err error) {
	e := out.channel
	for {
		if err := out.node.ended(ctx); err != nil {
			return false, err
		}
		n := out.left(fillSlice)
		if limit != nil {
			n = min(n, limit.N)
		}
		if n <= 0 { // at its end, or longer than promised: a chunk will tell
			return false, nil
		}
		w := e.borrow(ctx, out)
		if w == nil {
			return true, nil
		}
		moved, err := e.lend(out, w, r, n)
		if limit != nil {
			limit.N -= moved
		}
		if moved == 0 || err != nil {
			return false, nil // the end, or a failure that chunks will meet again
		}
	}
}

// lend moves at most n bytes to the borrowed writer and gives it back, also when it
// panics.
func (e *channel) lend(out *Outlet, w Filler, r io.Reader, n int64) (moved int64, err error) {
	defer func() { e.giveBack(out, moved) }()
	moved, err = w.FillFrom(r, n)
	return moved, err
}

// left returns how many bytes may be sent before a promise is exceeded, at most n.
func (out *Outlet) left(n int64) int64 {
	for v := out; v != nil; v = v.outer {
		if size := v.size.Load(); size > 0 {
			n = min(n, size-1-v.bytes.Load())
		}
	}
	return n
}

// borrow waits until the consumer has written all that is in the ring and waits
// for more, and returns its writer, or nil if none is on offer.
func (e *channel) borrow(ctx context.Context, out *Outlet) Filler {
	e.mu.Lock()
	defer e.mu.Unlock()
	waiting := false
	for {
		switch {
		case e.direct == nil || e.gone || out.node.ended(ctx) != nil:
			return nil
		case e.n == 0 && e.parked && !e.lent:
			e.lent = true
			return e.direct
		}
		e.putters++
		e.mu.Unlock()
		if !waiting {
			waiting = true
			out.waits(true)
			defer out.waits(false)
		}
		select {
		case <-e.space:
		case <-ctx.Done():
		case <-out.node.ctx.Done():
		}
		e.mu.Lock()
		e.putters--
	}
}

// giveBack ends a borrow and counts what was moved.
func (e *channel) giveBack(out *Outlet, moved int64) {
	_ = out.count(moved) // within the promise: see left
	e.mu.Lock()
	e.lent = false
	e.stats.sentBytes += moved
	e.stats.takenBytes += moved
	for v := e.offerer; v != nil && v.outer != nil; v = v.outer {
		v.bytes.Add(moved)
	}
	// Who waits for chunks need not hear of it unless there are some, or it wants its writer back.
	wake, pass := e.takers > 0 && (e.n > 0 || e.eof || e.recalled), e.putters > 0
	e.mu.Unlock()
	if wake {
		signal(e.ready)
	}
	if pass {
		signal(e.space)
	}
}
