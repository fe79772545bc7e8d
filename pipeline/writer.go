package pipeline

import (
	"context"
	"io"
	"sync"
)

// Writer packs small writes into chunks: what an encoder writes to. Flush sends
// what is packed so far; a forgotten Flush loses nothing, because the engine
// flushes when the run function returns nil. Flush before a Send on the same
// outlet, or the bytes change places. One goroutine at a time may use a Writer.
type Writer struct {
	out  *Outlet
	ctx  context.Context
	size *sizer

	mu  sync.Mutex // the engine may flush or drop it while a stray goroutine writes
	c   Chunk      // being filled; its length is the room there is
	n   int        // bytes in c
	err error      // sticky
}

// Writer returns a Writer that sends on out until ctx ends.
func (out *Outlet) Writer(ctx context.Context) *Writer {
	w := &Writer{out: out, ctx: ctx, size: out.newSizer()}
	out.node.keep(w)
	return w
}

// Write copies p into chunks and sends those that are full. After an error every
// further Write and Flush returns that error.
func (w *Writer) Write(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(p) > 0 && w.err == nil {
		if w.c.Len() == 0 {
			if w.err = w.out.node.ended(w.ctx); w.err != nil {
				break
			}
			w.c, w.n = NewChunk(w.size.next()), 0
		}
		m := copy(w.c.Bytes()[w.n:], p)
		w.n += m
		n += m
		p = p[m:]
		if w.n == w.c.Len() {
			w.send()
		}
	}
	return n, w.err
}

// ReadFrom sends what is packed and then r, in chunks of its own, until EOF.
func (w *Writer) ReadFrom(r io.Reader) (n int64, err error) {
	if err := w.Flush(); err != nil {
		return 0, err
	}
	cr := &countingReader{r: r}
	err = w.out.CopyFrom(w.ctx, cr)
	return cr.n, err
}

// Flush sends what has been written. Flushing nothing sends nothing.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil && w.n > 0 {
		w.send()
	}
	return w.err
}

// Buffered returns the number of bytes written and not yet sent.
func (w *Writer) Buffered() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

// send hands the chunk on. The mutex is held, which is in order: only this
// writer's own goroutine takes it until the node has returned.
func (w *Writer) send() {
	c, full := w.c.Slice(0, w.n), w.n == w.c.Len()
	w.c, w.n = Chunk{}, 0
	if w.err = w.out.Send(w.ctx, c); w.err == nil {
		w.size.sent(full)
	}
}

// drop returns what was not sent.
func (w *Writer) drop() Chunk {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.c
	w.c, w.n = Chunk{}, 0
	if w.err == nil {
		w.err = ErrClosed
	}
	return c
}

// countingReader counts for Writer.ReadFrom, whose contract asks for the number.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
