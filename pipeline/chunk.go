package pipeline

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// Chunk is a run of bytes with one owner. The zero Chunk is empty.
//
// Ownership moves with the value: [Inlet.Next] gives it, [Outlet.Send] takes it
// (also when it fails), Release returns the buffer to the pool. The code that made a chunk may
// write to its bytes until it sends it; every other
// owner calls [Chunk.Mutable] first. A chunk that is never released is left to the garbage
// collector, which is only slower. Bytes must not be used after Release or Send.
//
// A Chunk is a small value that may be copied; only one copy may be used as the
// owner. Its methods are not for concurrent use, except that the two chunks that result
// from Retain or Split may be used by different goroutines.
type Chunk struct {
	// Four words, so that the compiler keeps a Chunk in registers: with the slice
	// itself and a generation it is five, lives in memory, and a hop costs twice as much.
	buf *buffer // nil: empty
	off int     // where in buf.data the chunk begins
	n   int     // how many bytes it has
	gen uint64  // in 32 bits the buffer's generation when this chunk was cut from it; above, in poison mode, the owner
}

// NewChunk returns a chunk of n writable bytes from the pool. The bytes are not
// zeroed. It panics if n is negative. A chunk of more than 1 MiB is not pooled:
// it is allocated, and left to the garbage collector.
func NewChunk(n int) Chunk {
	if n <= 0 {
		if n < 0 {
			panic(fmt.Sprintf("pipeline: NewChunk of %d bytes", n))
		}
		return Chunk{}
	}
	buf, gen := getBuffer(n)
	return Chunk{buf: buf, n: n, gen: gen}
}

// ChunkOf returns a chunk that uses the memory of b. After Send, b must not be written
// to. Release does nothing to such a chunk, and Mutable copies it.
func ChunkOf(b []byte) Chunk {
	if len(b) == 0 {
		return Chunk{}
	}
	return Chunk{buf: &buffer{data: b, class: adopted}, n: len(b), gen: 1}
}

// Bytes returns the chunk's bytes. They are valid until Release or Send.
func (c Chunk) Bytes() []byte {
	if c.gen-1 < 1<<32-1 { // one comparison, so that Bytes is inlined
		return c.buf.data[c.off:][:c.n:c.n]
	}
	return c.checkedBytes()
}

// checkedBytes is Bytes also for the zero chunk, and in poison mode.
func (c Chunk) checkedBytes() []byte {
	if c.buf == nil {
		return nil
	}
	if c.buf.trace != nil {
		c.buf.checkOwner("Bytes", c.gen)
	}
	return c.buf.data[c.off:][:c.n:c.n]
}

// Len returns the number of bytes.
func (c Chunk) Len() int { return c.n }

// Slice returns c narrowed to its bytes i to j; c itself must not be
// used afterwards. It panics unless 0 <= i <= j <= c.Len(). The capacity is
// clamped, so that an append to the result cannot overwrite the bytes after it.
func (c Chunk) Slice(i, j int) Chunk {
	if i < 0 || i > j || j > c.n {
		panic(fmt.Sprintf("pipeline: bytes %d to %d of a chunk of %d", i, j, c.n))
	}
	c.off, c.n = c.off+i, j-i
	return c
}

// Split cuts c in two at byte i; c itself must not be used afterwards. Both parts share one
// buffer, and each is owned and released separately. Both are read-only, as
// after Retain, unless one of them is empty.
func (c Chunk) Split(i int) (head, tail Chunk) {
	switch i {
	case 0:
		return Chunk{}, c
	case c.n:
		return c, Chunk{}
	}
	return c.Slice(0, i), c.Retain().Slice(i, c.n)
}

// Retain returns a second chunk with the same bytes. Both are read-only from then
// on, and each is released separately. It panics on a chunk already released.
func (c Chunk) Retain() Chunk {
	if c.pooled() {
		c.gen = c.buf.retain(c.gen)
	}
	return c
}

// Mutable returns a chunk with the same content that may be written to: c itself
// when it has one owner, else a copy, for which it releases c.
func (c Chunk) Mutable() Chunk {
	if c.n == 0 || c.pooled() && c.buf.sole(c.gen) {
		return c
	}
	d := NewChunk(c.n)
	copy(d.Bytes(), c.Bytes())
	c.Release()
	return d
}

// Release returns the buffer to the pool when c is its last owner. A second Release of
// the same chunk panics.
func (c Chunk) Release() {
	if c.pooled() {
		c.buf.release(c.gen)
	}
}

// shares reports whether c and d are parts of one pooled buffer.
func (c Chunk) shares(d Chunk) bool { return c.buf == d.buf && c.buf.class != adopted }

// send returns c as its receiver owns it. It panics if c has been released.
func (c Chunk) send(n *node) Chunk {
	if !c.pooled() {
		return c
	}
	if !c.buf.owned(c.gen) {
		c.buf.stale("Send")
	}
	if c.buf.trace != nil {
		c.gen = c.buf.handOver(c.gen, n.spec.name)
	}
	return c
}

func (c Chunk) pooled() bool { return c.buf != nil && c.buf.class != adopted }

// weight is what c costs a channel: the capacity of the buffer behind it, because
// that is what stays in memory, however short the chunk is. For adopted
// memory, which is not the engine's, it is the length of the chunk.
func (c Chunk) weight() int64 {
	if c.buf.class == adopted {
		return int64(c.n)
	}
	return int64(cap(c.buf.data))
}

// classes are the sizes of pooled buffers in bytes. A factor of four wastes at
// most three quarters of a small buffer and keeps the pools few and warm.
var classes = [...]int{4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20}

const maxClass = 1 << 20

// The classes of buffers that are not pooled.
const (
	oversize = -1 // made for one chunk of more than 1 MiB
	adopted  = -2 // the memory of a caller: no owners are counted
)

// pools holds one pool for each class. They store pointers: a slice stored in a
// sync.Pool would allocate its header on every Put.
var pools [len(classes)]sync.Pool

// classOf returns the smallest class that holds n bytes, or oversize.
func classOf(n int) int {
	for i, size := range classes {
		if n <= size {
			return i
		}
	}
	return oversize
}

// buffer is the memory behind chunks: a count of owners, and a generation that
// increases each time the last of them releases it. A chunk has the generation in
// which it was made, so that a stale one is detected.
type buffer struct {
	data  []byte
	class int           // index into classes and pools, oversize or adopted
	state atomic.Uint64 // generation<<32 | owners; in a pool it has one owner already, the next
	trace *trace        // poison mode only
	_     [16]byte      // fills a cache line, so that two cores do not contend for one
}

// getBuffer returns a buffer of at least n bytes with one owner.
func getBuffer(n int) (*buffer, uint64) {
	class := classOf(n)
	var buf *buffer
	if class >= 0 {
		n = classes[class]
		buf, _ = pools[class].Get().(*buffer)
	}
	if buf == nil {
		buf = &buffer{data: make([]byte, n), class: class}
		buf.state.Store(1<<32 | 1)
	}
	gen := buf.state.Load() >> 32
	if poisoned() {
		buf.checkPoison()
		gen = buf.anotherOwner(gen)
	}
	return buf, gen
}

func (b *buffer) sole(gen uint64) bool { return b.state.Load() == gen<<32|1 }

func (b *buffer) owned(gen uint64) bool {
	s := b.state.Load()
	return uint32(s>>32) == uint32(gen) && uint32(s) > 0
}

// retain returns what the generation of the second owner's chunk is.
func (b *buffer) retain(gen uint64) uint64 {
	if b.trace != nil {
		b.checkOwner("Retain", gen)
	}
	for {
		s := b.state.Load()
		if uint32(s>>32) != uint32(gen) || uint32(s) == 0 {
			b.stale("Retain")
		}
		if b.state.CompareAndSwap(s, s+1) {
			break
		}
	}
	if b.trace != nil {
		return b.anotherOwner(gen)
	}
	return gen
}

func (b *buffer) release(gen uint64) {
	if b.trace != nil {
		b.giveUp("Release", "", gen)
	}
	for {
		s := b.state.Load()
		if uint32(s>>32) != uint32(gen) || uint32(s) == 0 {
			b.stale("Release")
		}
		if uint32(s) > 1 {
			if b.state.CompareAndSwap(s, s-1) {
				return
			}
			continue
		}
		if b.trace != nil {
			b.poison() // before the pool may give it out
		}
		if b.state.CompareAndSwap(s, (gen+1)<<32|1) {
			break
		}
	}
	if b.class >= 0 {
		pools[b.class].Put(b)
	}
}

// poisoned reports whether poison mode is on: see poison.go.
func poisoned() bool {
	p := poisonState.Load()
	if p == 0 {
		p = readPoison()
	}
	return p == poisonOn
}
