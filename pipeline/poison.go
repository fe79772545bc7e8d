package pipeline

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

// Poison mode detects what the normal mode does not: bytes written or read after
// Release or Send, chunks sent or released twice, chunks never released. WEIR_POISON=1 turns it on. That is
// read when the first chunk is made, so that a test kit may still set it while packages initialise.

const (
	poisonOff = 1 + iota
	poisonOn
)

var poisonState atomic.Int32 // 0: not read yet; cheaper on every chunk than a sync.Once

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
	released []uintptr // where the last owner released it
	filled   bool      // data is all poison

	// Every Send and Retain makes a new owner, so that a chunk which another node owns by now can be told from the
	// copy that was sent.
	owners uint32            // of this generation
	former map[uint32]change // those that have given it up
}

// change is how an owner has given up a chunk.
type change struct {
	node string // that sent it; "": it was released
	at   []uintptr
}

// anotherOwner returns the generation with a new owner.
func (b *buffer) anotherOwner(gen uint64) uint64 {
	b.trace.mu.Lock()
	defer b.trace.mu.Unlock()
	b.trace.owners++
	return gen&0xFFFFFFFF | uint64(b.trace.owners)<<32
}

// handOver returns the generation with the owner that comes after one that has sent its chunk.
func (b *buffer) handOver(gen uint64, node string) uint64 {
	b.giveUp("Send", node, gen)
	return b.anotherOwner(gen)
}

// giveUp notes that an owner gives up its chunk. It panics if it has done so already.
func (b *buffer) giveUp(op, node string, gen uint64) {
	b.checkOwner(op, gen)
	b.trace.mu.Lock()
	defer b.trace.mu.Unlock()
	if b.trace.former == nil {
		b.trace.former = make(map[uint32]change)
	}
	b.trace.former[uint32(gen>>32)] = change{node, callers()}
}

// checkOwner panics if a chunk is used by an owner that has given it up.
func (b *buffer) checkOwner(op string, gen uint64) {
	if !b.owned(gen) {
		b.stale(op)
	}
	b.trace.mu.Lock()
	defer b.trace.mu.Unlock()
	was, given := b.trace.former[uint32(gen>>32)]
	switch {
	case given && was.node != "":
		panic(fmt.Sprintf("pipeline: %s of a chunk that node %s sent already\nsent at\n%s%s at\n%s", op, was.node, frames(was.at), op, frames(callers())))
	case given:
		panic(fmt.Sprintf("pipeline: %s of a chunk that was released already\nfirst release at\n%s%s at\n%s", op, frames(was.at), op, frames(callers())))
	}
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
	b.trace.owners, b.trace.former = 0, nil
	if b.trace.run != nil {
		b.trace.run.outstanding.Add(-1)
		b.trace.run = nil
	}
}

// checkPoison panics if the buffer was written to after its release.
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

// stale panics because a released chunk was used.
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
