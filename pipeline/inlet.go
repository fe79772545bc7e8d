package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"sync/atomic"
)

// Inlet is where a stage or sink receives. Next and Buffered may be called by
// several goroutines of the node at once. Every method ends when the node's own
// context ends, whatever ctx it was given.
type Inlet struct {
	node    *node
	channel *channel
	outer   *Inlet       // nil, or the inlet of the node around a nested one
	bytes   atomic.Int64 // received by a nested node; the channel counts for the others
	gone    int64        // bytes of the stream that were received before a nested node began
	eof     atomic.Bool  // io.EOF was received, also by a nested node; on a base inlet
	inner   atomic.Int64 // bytes received when a nested node ended that has not seen io.EOF, + 1
	wait    meter

	// What a Reader has begun and not finished. It is kept here and not in the
	// Reader so that Next after a Reader loses nothing. Only a base inlet uses it.
	partial atomic.Bool
	mu      sync.Mutex
	rest    Chunk
}

// Next returns the next chunk, and with it its ownership. It returns bare io.EOF
// when everything upstream has ended well, and never an empty chunk. Any other
// error is why the node must end: [ErrStopped] when its output is no longer
// wanted, else the cause of the run's failure or cancellation.
func (in *Inlet) Next(ctx context.Context) (Chunk, error) { return in.next(ctx, false) }

func (in *Inlet) next(ctx context.Context, lends bool) (Chunk, error) {
	if base := in.base(); base.partial.Load() {
		if err := in.node.ended(ctx); err != nil {
			return Chunk{}, err
		}
		if c := base.takeRest(); c.Len() > 0 {
			return c, nil
		}
	}
	return in.receive(ctx, lends)
}

// receive takes a chunk from the channel and counts it for every nested node it
// passes on its way.
func (in *Inlet) receive(ctx context.Context, lends bool) (Chunk, error) {
	c, err := in.channel.take(ctx, in, lends)
	if err == io.EOF {
		in.base().eof.Store(true)
	}
	for v := in; v.outer != nil; v = v.outer {
		v.bytes.Add(int64(c.n))
	}
	return c, err
}

// Chunks is the everyday form of [Inlet.Next]: it yields every chunk, then stops.
// A failure is yielded last, with an empty chunk; a loop that goes on after it
// panics. The body owns what it gets.
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

// Buffered returns how many chunks are ready now: when it is 0, a writer that
// holds something back may want to flush.
func (in *Inlet) Buffered() int {
	n := in.channel.buffered()
	if in.base().partial.Load() {
		n++
	}
	return n
}

// CopyTo writes every chunk to w until EOF, which is not an error. w may not keep
// the slice it is given. A short write without an error is io.ErrShortWrite.
//
// When w is a [Filler], and upstream copies from a descriptor with [Outlet.CopyFrom],
// the kernel may do the copying.
func (in *Inlet) CopyTo(ctx context.Context, w io.Writer) error {
	lends := in.offer(w)
	if lends {
		defer in.retract()
	}
	for {
		c, err := in.next(ctx, lends)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		err = writeAll(w, c.Bytes())
		c.Release()
		if err != nil {
			return err
		}
	}
}

// writeAll writes b in one call and holds w to the io.Writer contract.
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

// Size returns how many bytes upstream promised to deliver in all, if it did. It
// is valid after the first Next (or Read), also when that returned io.EOF. For a
// nested node it is what was left when the node began.
func (in *Inlet) Size() (n int64, known bool) {
	_, _, size := in.channel.counts()
	if size < 0 {
		return -1, false
	}
	return size - in.gone, true
}

// nested returns the inlet of a node inside the one that owns in.
func (in *Inlet) nested(n *node) *Inlet {
	return &Inlet{node: n, channel: in.channel, outer: in, gone: in.consumed()}
}

// AtEnd registers a last step of the node: see [Outlet.AtEnd].
func (in *Inlet) AtEnd(f func(ctx context.Context, failed error) error) { in.node.atEnd(f) }

// Reader returns the stream as an io.Reader that also implements io.ByteReader
// and io.WriterTo. It returns io.EOF where Next would, and never before. Next,
// Chunks and a further Reader go on where it stopped reading. It needs no close:
// what it holds is released when the node returns. It may be used by one goroutine
// at a time.
func (in *Inlet) Reader(ctx context.Context) io.Reader { return &inletReader{in, ctx} }

func (in *Inlet) base() *Inlet {
	for in.outer != nil {
		in = in.outer
	}
	return in
}

// takeRest returns what a Reader left over.
func (in *Inlet) takeRest() Chunk {
	in.mu.Lock()
	defer in.mu.Unlock()
	c := in.rest
	in.rest = Chunk{}
	in.partial.Store(false)
	return c
}

// waits notes that a goroutine begins or ends to wait for input.
func (in *Inlet) waits(begin bool) {
	now := in.node.run.now()
	for v := in; v != nil; v = v.outer {
		v.wait.mark(begin, now)
	}
}

// received returns the bytes received so far.
func (in *Inlet) received() int64 {
	if in.outer != nil {
		return in.bytes.Load()
	}
	c, _, _ := in.channel.counts()
	return c.takenBytes
}

// consumed returns how much of the stream has been given out.
func (in *Inlet) consumed() int64 {
	base := in.base()
	base.mu.Lock()
	defer base.mu.Unlock()
	c, _, _ := in.channel.counts()
	return c.takenBytes - int64(base.rest.n)
}

// left reports whether the node has given up its input without a word: it has not received io.EOF, and
// no nested node that wanted no more was the last to receive.
func (in *Inlet) left() bool {
	return !in.base().eof.Load() && in.inner.Load() != in.consumed()+1
}

type inletReader struct {
	in  *Inlet
	ctx context.Context
}

// Read fills p from one chunk, as far as that goes.
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

// ReadByte makes decoders read no further than they need.
func (r *inletReader) ReadByte() (b byte, err error) {
	err = r.next(func(p []byte) int {
		b = p[0]
		return 1
	})
	return b, err
}

// WriteTo hands whole chunks to w.
func (r *inletReader) WriteTo(w io.Writer) (n int64, err error) {
	for c, err := range r.in.Chunks(r.ctx) {
		if err != nil {
			return n, err
		}
		err := writeAll(w, c.Bytes())
		if err == nil {
			n += int64(c.Len())
		}
		c.Release()
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// next calls use with the bytes at hand, never none, and drops as many of them as it
// returns.
func (r *inletReader) next(use func([]byte) int) error {
	base := r.in.base()
	base.mu.Lock()
	defer base.mu.Unlock()
	for base.rest.Len() == 0 {
		base.mu.Unlock() // receive waits
		c, err := r.in.receive(r.ctx, false)
		base.mu.Lock()
		if err != nil {
			return err
		}
		if r.in.node.returned.Load() { // nobody is left to release it
			c.Release()
			return ErrClosed
		}
		base.rest = c
		base.partial.Store(true)
	}
	if err := r.in.node.ended(r.ctx); err != nil {
		return err
	}
	n := use(base.rest.Bytes())
	if n < base.rest.Len() {
		base.rest = base.rest.Slice(n, base.rest.n)
		return nil
	}
	base.rest.Release()
	base.rest = Chunk{}
	base.partial.Store(false)
	return nil
}
