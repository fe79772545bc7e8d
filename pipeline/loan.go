package pipeline

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"syscall"
)

// Filler is a writer that the kernel may be able to fill. [Inlet.CopyTo] lends a writer that
// implements it to upstream, for as long as it waits for chunks.
type Filler interface {
	io.Writer

	// FillFrom moves up to n bytes, at least one, from r to the writer and returns how many. r is
	// the reader that upstream gave to [Outlet.CopyFrom]; it has a descriptor ([syscall.Conn]), and
	// FillFrom leaves its position behind the bytes that were moved. FillFrom is called by upstream's
	// goroutine and never at the same time as Write. After 0 bytes the rest of the stream comes through
	// Write, and meets again what stopped FillFrom; so a reader that the kernel cannot copy from is no
	// failure. An error means that bytes of r are lost, or may be: the node that has lent the writer fails
	// with it.
	FillFrom(r io.Reader, n int64) (int64, error)
}

// loan is the writer that a consumer lends to the producer: where CopyFrom and CopyTo meet on one
// channel, the bytes need not pass through this process. Slices are short, so that progress,
// promises and cancellation work; bytes are counted, chunks are not.
// The channel's lock guards it.
type loan struct {
	writer Filler // on offer; nil: none
	lender *port
	parked bool // the lender waits for chunks, and does not use the writer
	lent   bool // the producer uses it
	failed bool // with the error that is the lender's misuse: bytes are lost, and nothing more can be received
}

// fillSlice is how many bytes are moved at a time: a few milliseconds of copying.
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
	filler, ok := w.(Filler)
	if !ok || in.ch.lossy {
		return false
	}
	in.ch.mu.Lock()
	defer in.ch.mu.Unlock()
	if in.ch.loan.writer != nil || in.ch.loan.failed {
		return false
	}
	in.ch.loan = loan{writer: filler, lender: &in.port}
	return true
}

// retract withdraws the offer. The writer is not used after it returns.
func (in *Inlet) retract() {
	in.ch.mu.Lock()
	defer in.ch.mu.Unlock()
	if l := &in.ch.loan; l.failed {
		l.writer = nil
	} else {
		*l = loan{}
	}
	in.ch.space.wake()
}

// fill moves bytes from r to the writer on offer until r is at its end, or
// something else must be done with chunks. It reports whether to try again after
// the next chunk.
func (out *Outlet) fill(ctx context.Context, r io.Reader, limit *io.LimitedReader) (again bool, err error) {
	for {
		if err := out.node.ended(ctx); err != nil {
			return false, err
		}
		n := int64(fillSlice)
		if limit != nil {
			n = min(n, limit.N)
		}
		w, n := out.borrow(ctx, n)
		if w == nil {
			return n > 0, nil // not at its end, nor longer than promised: then a chunk will tell
		}
		moved, err := out.lend(ctx, w, r, n)
		if limit != nil {
			limit.N -= moved
		}
		if err != nil {
			return false, out.untilGone(ctx)
		}
		if moved == 0 {
			return false, nil // the end, or a failure that chunks will meet again
		}
	}
}

// borrow waits until the consumer has written all that is in the ring and waits
// for more, and returns its writer, or nil if none is on offer; and how many of n
// bytes may be sent before a promise is exceeded.
func (out *Outlet) borrow(ctx context.Context, n int64) (Filler, int64) {
	ch := out.ch
	ch.mu.Lock()
	defer ch.mu.Unlock()
	defer ch.space.wake()
	for p := &out.port; p != nil; p = p.outer {
		if p.promised > 0 {
			n = min(n, p.promised-1-p.bytes)
		}
	}
	for n > 0 && ch.loan.writer != nil && !ch.gone && out.node.ended(ctx) == nil {
		if ch.n == 0 && ch.loan.parked && !ch.loan.lent {
			ch.loan.lent = true
			return ch.loan.writer, n
		}
		ch.space.wait(&out.port, ctx.Done(), out.node.ctx.Done())
	}
	return nil, n
}

// lend moves at most n bytes to the borrowed writer and gives it back, also when it
// panics. An error is the lender's failure.
func (out *Outlet) lend(ctx context.Context, w Filler, r io.Reader, n int64) (moved int64, err error) {
	defer func() {
		ch := out.ch
		ch.mu.Lock()
		defer ch.mu.Unlock()
		if err != nil && interrupted(err) && out.node.ended(ctx) != nil {
			err = nil // the read was, because the source is to end
		}
		if err != nil {
			ch.loan.failed = true
			_ = ch.loan.lender.node.misuse(err)
		}
		_ = out.count(moved) // within the promise: see borrow
		ch.loan.lent = false
		ch.stats.sentBytes += moved
		ch.stats.takenBytes += moved
		for p := ch.loan.lender; p.outer != nil; p = p.outer {
			p.bytes += moved
		}
		ch.ready.wake()
		ch.space.wake()
	}()
	return w.FillFrom(r, n)
}

// untilGone waits until the consumer has returned, because a producer that ended sooner could fail first,
// with a promise that it has not kept. It returns why the producer must end.
func (out *Outlet) untilGone(ctx context.Context) error {
	ch := out.ch
	ch.mu.Lock()
	defer ch.mu.Unlock()
	for {
		err := out.node.ended(ctx)
		switch {
		case err != nil:
			return err
		case ch.gone:
			return ErrStopped
		}
		ch.space.wait(&out.port, ctx.Done(), out.node.ctx.Done())
	}
}

// interrupted reports whether err is that of a read or a write ended by a deadline, or by Close.
func interrupted(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout() || errors.Is(err, fs.ErrClosed)
}
