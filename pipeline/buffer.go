package pipeline

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

// classes are the sizes of pooled buffers in bytes. A factor of four wastes at
// most three quarters of a small buffer and keeps the pools few and warm.
var classes = [...]int{4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20}

const maxClass = 1 << 20

// A buffer that no pool takes back has one of these as its class.
const (
	oversize = -1 // made for one chunk of more than 1 MiB
	adopted  = -2 // somebody else's memory: no owners are counted
)

// pools holds one pool a class. They store pointers: a slice stored in a
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
// goes up each time the last of them lets go. A chunk remembers the generation it
// was cut in, so a stale one is found out.
type buffer struct {
	data  []byte
	class int           // index into classes and pools, oversize or adopted
	state atomic.Uint64 // generation<<32 | owners
	trace *trace        // poison mode only
	_     [16]byte      // fills a cache line: two buffers in one would be fought over by two cores
}

// getBuffer returns a buffer of at least n bytes with one owner.
func getBuffer(n int) (*buffer, uint32) {
	class := classOf(n)
	if class < 0 {
		buf := &buffer{data: make([]byte, n), class: class}
		buf.state.Store(1)
		if poisoned() {
			buf.trace = &trace{}
		}
		return buf, 0
	}
	buf, _ := pools[class].Get().(*buffer)
	if buf == nil {
		buf = &buffer{data: make([]byte, classes[class]), class: class}
	}
	if poisoned() {
		buf.checkPoison()
	}
	gen := uint32(buf.state.Load() >> 32)
	buf.state.Store(uint64(gen)<<32 | 1)
	return buf, gen
}

func (b *buffer) sole(gen uint32) bool { return b.state.Load() == uint64(gen)<<32|1 }

func (b *buffer) owned(gen uint32) bool {
	s := b.state.Load()
	return uint32(s>>32) == gen && uint32(s) > 0
}

func (b *buffer) retain(gen uint32) {
	for {
		s := b.state.Load()
		if uint32(s>>32) != gen || uint32(s) == 0 {
			b.stale("Retain")
		}
		if b.state.CompareAndSwap(s, s+1) {
			return
		}
	}
}

func (b *buffer) release(gen uint32) {
	for {
		s := b.state.Load()
		if uint32(s>>32) != gen || uint32(s) == 0 {
			b.stale("Release")
		}
		if uint32(s) > 1 {
			if b.state.CompareAndSwap(s, s-1) {
				return
			}
			continue
		}
		if b.trace != nil {
			b.poison() // before the count says that nobody owns it
		}
		if b.state.CompareAndSwap(s, uint64(gen+1)<<32) {
			break
		}
	}
	if b.class >= 0 {
		pools[b.class].Put(b)
	}
}

// Poison mode finds what the plain mode forgives: bytes written or read after
// Release, chunks released twice, chunks never released.

// poisoned reports whether WEIR_POISON=1 is set. It is read once, when the first
// chunk is made, so that a test kit may still set it while packages initialise.
func poisoned() bool {
	p := poisonState.Load()
	if p == 0 {
		p = readPoison()
	}
	return p == poisonOn
}

const (
	poisonOff = 1 + iota
	poisonOn
)

var poisonState atomic.Int32 // cheaper on every chunk than a sync.Once

func readPoison() int32 {
	p := int32(poisonOff)
	if v, _ := syscall.Getenv("WEIR_POISON"); v == "1" {
		p = poisonOn
	}
	poisonState.CompareAndSwap(0, p)
	return poisonState.Load()
}

// poisonBlock is filled and compared block by block: a loop over single bytes is
// slow under the race detector.
var poisonBlock = bytes.Repeat([]byte{0xDB}, 4<<10)

// trace is what poison mode knows about a buffer.
type trace struct {
	mu       sync.Mutex
	run      *Run      // whose channel the buffer crossed first
	released []uintptr // where the last owner let go
	filled   bool      // data is all poison
}

// crossed notes that the buffer has crossed a channel of r.
func (b *buffer) crossed(r *Run) {
	b.trace.mu.Lock()
	defer b.trace.mu.Unlock()
	if b.trace.run == nil {
		b.trace.run = r
		r.outstanding.Add(1)
	}
}

func (b *buffer) poison() {
	b.trace.mu.Lock()
	defer b.trace.mu.Unlock()
	for d := b.data; len(d) > 0; {
		d = d[copy(d, poisonBlock):]
	}
	b.trace.filled = true
	b.trace.released = callers()
	if b.trace.run != nil {
		b.trace.run.outstanding.Add(-1)
		b.trace.run = nil
	}
}

// checkPoison panics if somebody wrote to the buffer after its release.
func (b *buffer) checkPoison() {
	if b.trace == nil {
		b.trace = &trace{}
	}
	b.trace.mu.Lock()
	defer b.trace.mu.Unlock()
	if !b.trace.filled {
		return
	}
	for d := b.data; len(d) > 0; {
		n := min(len(d), len(poisonBlock))
		if !bytes.Equal(d[:n], poisonBlock[:n]) {
			panic("pipeline: a chunk was written to after its Release at\n" + frames(b.trace.released))
		}
		d = d[n:]
	}
	b.trace.filled = false
}

// stale panics because a chunk was used that nobody owns any more.
func (b *buffer) stale(op string) {
	msg := "pipeline: " + op + " of a chunk that was released already"
	if b.trace == nil {
		panic(msg + " (set WEIR_POISON=1 to see where)")
	}
	b.trace.mu.Lock()
	defer b.trace.mu.Unlock()
	panic(fmt.Sprintf("%s\nfirst release at\n%s%s at\n%s", msg, frames(b.trace.released), op, frames(callers())))
}

func callers() []uintptr {
	pcs := make([]uintptr, 16)
	return pcs[:runtime.Callers(4, pcs)]
}

func frames(pcs []uintptr) string {
	if len(pcs) == 0 {
		return "\t(unknown)\n"
	}
	var out []byte
	for fs := runtime.CallersFrames(pcs); ; {
		f, more := fs.Next()
		out = fmt.Appendf(out, "\t%s\n\t\t%s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return string(out)
		}
	}
}
