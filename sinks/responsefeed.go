package sinks

import (
	"context"
	"io"
	"io/fs"
	"time"

	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
)

// The bytes of a response that do not pass through this process go in pieces, between which the
// engine counts them and the ResponseWriter applies its limits. They are short for a client that
// is slow, and grow to what is worth a system call for one that is not.
const (
	firstPiece = 3 << 10  // read here. More than net/http keeps back without writing the header, and less than makes two packets
	nextPiece  = 64 << 10 // fits into the buffers of the system, as a rule
	leastPiece = 16 << 10
	mostPiece  = 256 << 10
	slowPiece  = 100 * time.Millisecond
)

// feed is the writer that a response is filled through. It is a [pipeline.Filler], so that net/http
// sees the file that upstream copies from, and uses sendfile.
type feed struct {
	*response
	ctx     context.Context
	in      *pipeline.Inlet
	piece   int64
	lost    error  // bytes were read and not written, so nothing must follow
	unwatch func() // ends the watch over ctx; nil before it begins
}

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

// FillFrom takes bytes from a regular file as far as that is of use; the rest, which may be everything, comes
// as chunks.
func (f *feed) FillFrom(r io.Reader, most int64) (moved int64, err error) {
	if f.lost != nil || f.measure(f.in) != nil { // Write will find the same
		return 0, nil
	}
	to, ok := f.w.(io.ReaderFrom)
	if !ok || f.tail.length < 0 || !isRegular(r) {
		return 0, nil
	}
	from := &io.LimitedReader{R: r, N: most}
	for from.N > 0 {
		var n int64
		began := time.Now()
		switch body := f.tail.length - maxTail - f.tail.seen; {
		case body > 0 && f.begun:
			n, err = f.direct(to, from, min(f.piece, body, from.N))
		case body > 0:
			n, err = f.first(from, min(firstPiece, body))
		case from.N >= f.tail.length-f.tail.seen:
			n = f.last(from)
			return moved + n, nil // what has stopped it is the source's failure
		}
		moved += n
		if n == 0 || err != nil {
			return moved, f.lost
		}
		switch {
		case time.Since(began) > slowPiece:
			f.piece = leastPiece
			return moved, nil // so that it is counted
		case n == f.piece:
			f.piece = min(2*f.piece, mostPiece)
		}
	}
	return moved, nil
}

// isRegular reports whether r is a regular file: no read of it waits for another program while bytes are held back.
func isRegular(r io.Reader) bool {
	f, ok := r.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

// direct has the ResponseWriter take at most n bytes.
func (f *feed) direct(to io.ReaderFrom, from *io.LimitedReader, n int64) (moved int64, err error) {
	piece := &io.LimitedReader{R: from.R, N: n} // net/http looks into one of them, not into two
	moved, err = to.ReadFrom(piece)
	from.N -= n - piece.N
	f.tail.seen += moved
	if err != nil && moved < n-piece.N {
		f.lost = err
	}
	return moved, err
}

// first writes at most n bytes as if they had come in a chunk, because the header must not be written before
// the file has proved readable.
func (f *feed) first(from io.Reader, n int64) (int64, error) {
	c := pipeline.NewChunk(int(n))
	defer c.Release()
	read, err := from.Read(c.Bytes())
	if read == 0 {
		return 0, err
	}
	f.watch()
	if f.lost = f.write(c.Bytes()[:read]); f.lost != nil {
		return 0, f.lost
	}
	f.tail.seen += int64(read)
	return int64(read), err
}

// last reads the tail.
func (f *feed) last(from io.Reader) int64 {
	n, err := f.tail.read(from)
	if n > 0 && err != nil {
		f.lost = err
	}
	return n
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
