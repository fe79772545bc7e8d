package sinks

import (
	"context"
	"errors"
	"io"
	"syscall"
	"time"

	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
)

// The bytes of a response that do not pass through this process go in pieces, between which the
// engine counts them and the ResponseWriter applies its limits. They are short for a client that
// is slow, and grow to what is worth a system call for one that is not.
const (
	firstPiece = 3 << 10 // read here. More than net/http keeps back without writing the header, and less than makes two packets
	leastPiece = 16 << 10
	mostPiece  = 256 << 10
	slowPiece  = 100 * time.Millisecond

	leastDirect = 64 << 10 // a shorter response goes in chunks: the kernel would copy less than half of it
)

// feed is the writer that a response is filled through. By its ReadFrom and its SyscallConn it is one
// that [pipeline.Inlet.CopyTo] lends to an upstream that copies from a descriptor, so that
// net/http gets to see the file and uses sendfile.
type feed struct {
	*response
	ctx     context.Context
	in      *pipeline.Inlet
	piece   int64
	lost    error  // bytes were read and not written, so nothing must follow
	unwatch func() // ends the watch over ctx; nil before it begins
}

// SyscallConn is only there to say that the kernel may be of use: see pipeline/direct.go.
func (f *feed) SyscallConn() (syscall.RawConn, error) { return nil, errors.ErrUnsupported }

// Write takes a chunk.
func (f *feed) Write(b []byte) (int, error) {
	if f.lost != nil {
		return 0, f.lost
	}
	if err := f.measure(f.in); err != nil {
		return 0, err
	}
	head, err := f.tail.cut(b)
	if err == nil && len(head) > 0 {
		f.watch()
		err = f.pass(f.in, head)
	}
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// ReadFrom takes bytes from the file in an [io.LimitedReader], as far as that is of use: what it leaves, and
// be it everything, comes as chunks. It is called by upstream's goroutine while the response's own one waits.
func (f *feed) ReadFrom(r io.Reader) (moved int64, err error) {
	from, ok := r.(*io.LimitedReader)
	if !ok || f.lost != nil || f.measure(f.in) != nil { // Write will find the same
		return 0, nil
	}
	to, ok := f.w.(io.ReaderFrom)
	if !ok || f.tail.length < leastDirect {
		return 0, nil
	}
	if !f.begun {
		if moved, err = f.first(from); err != nil {
			return moved, err
		}
	}
	for {
		n := min(f.piece, from.N, f.tail.length-maxTail-f.tail.seen)
		if n <= 0 {
			return moved, nil
		}
		// net/http looks into one LimitedReader, not into two.
		piece := &io.LimitedReader{R: from.R, N: n}
		start := time.Now()
		m, err := to.ReadFrom(piece)
		from.N -= n - piece.N
		moved += m
		f.tail.seen += m
		if err != nil && m+piece.N < n {
			f.lost = err
		}
		if err != nil || m < n {
			return moved, err
		}
		if time.Since(start) > slowPiece {
			f.piece = leastPiece
			return moved, nil // so that it is counted
		}
		f.piece = min(2*f.piece, mostPiece)
	}
}

// first passes the first bytes on itself, because the header must not be written before the file has
// proved readable.
func (f *feed) first(from io.Reader) (int64, error) {
	c := pipeline.NewChunk(firstPiece)
	defer c.Release()
	n, err := from.Read(c.Bytes())
	if n == 0 {
		return 0, err
	}
	f.watch()
	if f.lost = f.write(c.Bytes()[:n]); f.lost != nil {
		return 0, f.lost
	}
	f.tail.seen += int64(n)
	return int64(n), err
}

// watch has the end of the context interrupt the writes. Not sooner than the first: the handler's own
// answer would feel the deadline.
func (f *feed) watch() {
	if f.unwatch != nil {
		return
	}
	returned := make(chan struct{})
	stop := ioctx.Interrupt(f.ctx, func() { f.interrupt(returned) })
	f.unwatch = func() {
		close(returned)
		stop()
	}
}

// release is called when nothing is written any more.
func (f *feed) release() {
	if f.unwatch != nil {
		f.unwatch()
	}
}
