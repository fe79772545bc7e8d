package pipeline

import (
	"context"
	"sync"
)

// Writer packs small writes into chunks, for encoders for example. Flush sends
// what has been written; the engine
// flushes when the run function returns nil or [Enough]. Call Flush before a Send on the same
// outlet, or the order of the bytes changes. A Writer is not for concurrent use.
type Writer struct {
	out  *Outlet
	ctx  context.Context
	size *chunkSizer

	mu  sync.Mutex // the engine may flush or drop it while a stray goroutine writes
	c   Chunk      // being filled; its length is the room there is
	n   int        // bytes in c
	err error      // sticky
}

// Writer returns a Writer that sends on out until ctx ends.
func (out *Outlet) Writer(ctx context.Context) *Writer {
	w := &Writer{out: out, ctx: ctx, size: out.newChunkSizer()}
	out.node.keep(w)
	return w
}

// Write copies p into chunks and sends those that are full. After an error every
// further Write and Flush returns that error.
func (w *Writer) Write(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(p) > 0 && w.err == nil {
		if w.c.n == 0 {
			if w.err = w.out.node.ended(w.ctx); w.err != nil {
				break
			}
			w.c = NewChunk(w.size.next())
		}
		m := copy(w.c.Bytes()[w.n:], p)
		w.n += m
		n += m
		p = p[m:]
		if w.n == w.c.n {
			w.send()
		}
	}
	return n, w.err
}

// Flush sends what has been written, if anything.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil && w.n > 0 {
		w.send()
	}
	return w.err
}

// send hands the chunk on. The mutex is held while it waits: until the node has
// returned, only this writer's own goroutine takes it.
func (w *Writer) send() {
	c, full := w.c.Slice(0, w.n), w.n == w.c.n
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
