package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Inlet is the input of a stage or sink. Next and Buffered may be called by
// several goroutines of the node concurrently. Every method ends when the node's own
// context ends, also if ctx has not.
type Inlet struct {
	port
	before int64 // bytes of the stream that were received before a nested node began
	inner  int64 // consumed when a nested node ended that has not seen io.EOF, + 1; guarded by ch.mu
}

// Next returns the next chunk, and with it its ownership. It returns bare io.EOF
// when every node upstream has succeeded, and never an empty chunk. Any other
// error means that the node must end: [ErrStopped] when nothing reads its output any
// longer, else the cause of the run's failure or cancellation.
func (in *Inlet) Next(ctx context.Context) (Chunk, error) { return in.next(ctx, false) }

func (in *Inlet) next(ctx context.Context, lends bool) (Chunk, error) {
	if in.ch.rest.some.Load() {
		if err := in.node.ended(ctx); err != nil {
			return Chunk{}, err
		}
		if c := in.ch.rest.take(); c.n > 0 {
			return c, nil
		}
	}
	return in.ch.take(ctx, &in.port, lends)
}

// Chunks is [Inlet.Next] as an iterator: it yields every chunk until io.EOF.
// An error is yielded last, with an empty chunk; a loop that continues after it
// panics. The loop body owns the chunks.
func (in *Inlet) Chunks(ctx context.Context) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		for {
			c, err := in.Next(ctx)
			if err == io.EOF {
				return
			}
			if !yield(c, err) {
				return
			}
			if err != nil {
				panic(fmt.Sprintf("pipeline: a loop over Chunks went on after the error %q", err))
			}
		}
	}
}

// Buffered returns how many chunks were ready at the time of the call. The value may be
// stale when it returns, so it is good only as a hint: at 0, a node that holds back output may
// flush it before it waits.
func (in *Inlet) Buffered() int {
	in.ch.mu.Lock()
	defer in.ch.mu.Unlock()
	n := int(in.ch.n)
	if in.ch.rest.some.Load() {
		n++
	}
	return n
}

// CopyTo writes every chunk to w until EOF, which is not an error. w must not retain
// the slice. A short write without an error is io.ErrShortWrite.
//
// When w is a [Filler], and upstream copies from a descriptor with [Outlet.CopyFrom],
// the kernel may do the copying.
func (in *Inlet) CopyTo(ctx context.Context, w io.Writer) error {
	lends := in.offer(w)
	if lends {
		defer in.retract()
	}
	_, err := in.copyTo(ctx, w, lends)
	return err
}

func (in *Inlet) copyTo(ctx context.Context, w io.Writer, lends bool) (n int64, err error) {
	for {
		c, err := in.next(ctx, lends)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		err = writeAll(w, c.Bytes())
		c.Release()
		if err != nil {
			return n, err
		}
		n += int64(c.n)
	}
}

// writeAll writes b in one call and checks the result against the io.Writer contract.
func writeAll(w io.Writer, b []byte) error {
	n, err := w.Write(b)
	switch {
	case n < 0 || n > len(b):
		return errors.Join(err, fmt.Errorf("%T: Write of %d bytes returned %d", w, len(b), n))
	case err != nil:
		return err
	case n < len(b):
		return io.ErrShortWrite
	}
	return nil
}

// Size returns how many bytes upstream promised to deliver in total, if it did. It
// is valid after the first Next (or Read), also when that returned io.EOF. For a
// nested node it is the rest at the time the node started.
func (in *Inlet) Size() (n int64, known bool) {
	_, _, size := in.ch.counts()
	if size < 0 {
		return -1, false
	}
	return size - in.before, true
}

// AtEnd registers a last step of the node: see [Outlet.AtEnd].
func (in *Inlet) AtEnd(f func(ctx context.Context, failed error) error) { in.node.atEnd(f) }

// received returns the bytes received so far.
func (in *Inlet) received() int64 {
	in.ch.mu.Lock()
	defer in.ch.mu.Unlock()
	if in.outer != nil {
		return in.bytes
	}
	return in.ch.stats.takenBytes
}

// consumed returns how much of the stream has been given out, to whichever node.
func (in *Inlet) consumed() int64 {
	in.ch.rest.mu.Lock()
	defer in.ch.rest.mu.Unlock()
	c, _, _ := in.ch.counts()
	return c.takenBytes - int64(in.ch.rest.c.n)
}

// nested returns the inlet of a node inside the one that owns in.
func (in *Inlet) nested(n *node) *Inlet {
	return &Inlet{port: port{node: n, ch: in.ch, outer: &in.port}, before: in.consumed()}
}

// innerEnded notes that a nested node has succeeded, possibly before io.EOF.
func (in *Inlet) innerEnded() {
	n := in.consumed()
	in.ch.mu.Lock()
	defer in.ch.mu.Unlock()
	in.inner = n + 1
}

// left reports whether the node has input that it has not read: it has not received io.EOF, and has
// read on since the last nested node that ended well before io.EOF.
func (in *Inlet) left() bool {
	n := in.consumed()
	in.ch.mu.Lock()
	defer in.ch.mu.Unlock()
	return !in.ch.eofSeen && in.inner != n+1
}

// Reader returns the stream as an io.Reader that also implements io.ByteReader
// and io.WriterTo. It returns io.EOF only when Next would. Next,
// Chunks and a further Reader continue where it stopped reading. It needs no close:
// the chunk that it holds is released when the node returns. It may be used by one goroutine
// at a time.
func (in *Inlet) Reader(ctx context.Context) io.Reader { return &inletReader{in, ctx} }

type inletReader struct {
	in  *Inlet
	ctx context.Context
}

// Read reads from one chunk.
func (r *inletReader) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	err = r.next(func(b []byte) int {
		n = copy(p, b)
		return n
	})
	return n, err
}

// ReadByte implements io.ByteReader, with which decoders do not read beyond the end of their data.
func (r *inletReader) ReadByte() (b byte, err error) {
	err = r.next(func(p []byte) int {
		b = p[0]
		return 1
	})
	return b, err
}

// WriteTo hands whole chunks to w.
func (r *inletReader) WriteTo(w io.Writer) (n int64, err error) { return r.in.copyTo(r.ctx, w, false) }

// next calls use with at least one byte, and discards as many bytes as use returns.
func (r *inletReader) next(use func([]byte) int) error {
	rest := &r.in.ch.rest
	rest.mu.Lock()
	defer rest.mu.Unlock()
	for rest.c.n == 0 {
		rest.mu.Unlock() // take waits
		c, err := r.in.ch.take(r.ctx, &r.in.port, false)
		rest.mu.Lock()
		if err != nil {
			return err
		}
		if r.in.node.returned.Load() { // the engine has released the rest already
			c.Release()
			return ErrClosed
		}
		rest.c = c
		rest.some.Store(true)
	}
	if err := r.in.node.ended(r.ctx); err != nil {
		return err
	}
	n := use(rest.c.Bytes())
	if n < rest.c.n {
		rest.c = rest.c.Slice(n, rest.c.n)
		return nil
	}
	rest.c.Release()
	rest.c = Chunk{}
	rest.some.Store(false)
	return nil
}
