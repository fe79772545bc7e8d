package pipeline

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
)

// slots is how many chunks a channel holds at most, however small they are.
const slots = 64

// channel is what stands between two nodes. It is a ring under a mutex and not a Go
// chan because its bound is bytes of buffer capacity (promise 7), because it must tell
// "ended well" from "ended", and because its counters then cost nothing: under the lock
// they need no atomics. Measured on two cores, a bare hop over such a ring takes 1.1
// times a hop over a Go chan of 64, and one over a Go chan with an atomic budget and
// counters beside it 1.6 times; with contexts, promises and waiting times it becomes
// 1.3 to 2.1 (BenchmarkHop).
type channel struct {
	run      *Run
	from, to *node
	lossy    bool  // a chunk that does not fit is missed, not waited for
	limit    int64 // bytes of buffer capacity; one chunk always fits
	rest     leftover

	// The mutable fields are kept together. With 8 bytes more the struct would need the next size
	// class of the allocator.
	mu      sync.Mutex
	head, n uint32
	held    int64 // bytes of buffer capacity in the ring
	size    int64 // promised bytes; -1: unknown
	ready   gate  // of take
	space   gate  // of put, and of a producer that wants to borrow
	eof     bool  // every node upstream has succeeded: nothing more will be sent
	eofSeen bool  // take has returned io.EOF
	gone    bool  // the consumer has returned
	loan    loan
	stats   channelCounts
	ring    [slots]Chunk
}

// channelCounts is what a channel counts.
type channelCounts struct {
	sent, sentBytes     int64
	taken, takenBytes   int64
	missed, missedBytes int64
	peak                int64 // most bytes of buffer capacity held at once
}

func newChannel(r *Run, from, to *node, limit int64) *channel {
	return &channel{run: r, from: from, to: to, limit: limit, size: -1, ready: newGate(), space: newGate()}
}

// port is one end of a channel, as a node uses it: the common part of Inlet and Outlet.
// That of a nested node leads through the port of the node around it.
type port struct {
	node  *node
	ch    *channel
	outer *port // nil: of a node that is not nested, or inside a nested flow

	// Guarded by ch.mu.
	bytes    int64 // passed by a nested node, or by one that promised a size; the channel counts for others
	promised int64 // bytes + 1; 0: no promise
	clock    waitClock
}

// ended returns why the node must end, or nil.
func (n *node) ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return n.why(ctx)
	}
	if ctx != n.ctx && n.ctx.Err() != nil {
		return n.why(n.ctx)
	}
	return nil
}

// gate is where the goroutines on one side of a channel wait for the other side. Its
// token only makes one of them check again; what they wait for is in the channel, whose
// lock is held by the callers of both methods. One token is enough for several signals.
type gate struct {
	waiting int
	token   chan struct{}
}

func newGate() gate { return gate{token: make(chan struct{}, 1)} }

// wake makes one waiting goroutine check again.
func (g *gate) wake() {
	if g.waiting > 0 {
		g.signal()
	}
}

func (g *gate) signal() {
	select {
	case g.token <- struct{}{}:
	default:
	}
}

// wait releases the lock until the gate wakes, or done or nodeDone is closed.
func (g *gate) wait(p *port, done, nodeDone <-chan struct{}) {
	g.waiting++
	p.waits(true)
	p.ch.mu.Unlock()
	select {
	case <-g.token:
	case <-done:
	case <-nodeDone:
	}
	p.ch.mu.Lock()
	p.waits(false)
	g.waiting--
}

// pushResult is the result of a push.
type pushResult int

const (
	pushed  pushResult = iota
	full               // wait for room
	missed             // by a lossy branch
	refused            // the consumer has returned
)

// put appends c, waiting for room. It takes ownership of c in any case.
func (ch *channel) put(ctx context.Context, out *port, c Chunk) error {
	if err := out.node.ended(ctx); err != nil {
		c.Release()
		return err
	}
	if poisoned() && c.pooled() {
		c.buf.crossed(ch.run)
	}
	ch.mu.Lock()
	result := refused
	err := out.count(int64(c.n))
	if err == nil {
		result = ch.push(c)
		if result == full {
			result, err = ch.waitForRoom(ctx, out, c)
		}
		if result == refused {
			_ = out.count(-int64(c.n)) // it was not sent after all
		}
	}
	ch.ready.wake()
	ch.mu.Unlock()
	if result == pushed {
		return nil
	}
	c.Release() // without the lock: Release panics when c is stale
	if err == nil && result == refused {
		err = ErrStopped
	}
	return err
}

// push appends c if it fits. The lock is held.
func (ch *channel) push(c Chunk) pushResult {
	if ch.gone {
		return refused
	}
	w := c.weight()
	if ch.n > 0 && c.shares(ch.ring[(ch.head+ch.n-1)%slots]) {
		w = 0 // pieces of one buffer count once
	}
	if ch.n == slots || ch.n > 0 && ch.held+w > ch.limit {
		if !ch.lossy {
			return full
		}
		ch.stats.missed++
		ch.stats.missedBytes += int64(c.n)
		return missed
	}
	ch.ring[(ch.head+ch.n)%slots] = c
	ch.n++
	ch.held += w
	ch.stats.sent++
	ch.stats.sentBytes += int64(c.n)
	ch.stats.peak = max(ch.stats.peak, ch.held)
	return pushed
}

// waitForRoom waits until c is pushed, or the sender must end. The lock is held.
func (ch *channel) waitForRoom(ctx context.Context, out *port, c Chunk) (result pushResult, err error) {
	for result = full; result == full; {
		ch.space.wait(out, ctx.Done(), out.node.ctx.Done())
		if err = out.node.ended(ctx); err != nil {
			result = refused
		} else {
			result = ch.push(c)
		}
	}
	ch.space.wake() // the token may have been another's
	return result, err
}

// take removes the oldest chunk, waiting for one. It returns bare io.EOF once
// every node upstream has succeeded and the ring is empty. With lends set, the
// caller has offered its writer to the producer.
func (ch *channel) take(ctx context.Context, in *port, lends bool) (c Chunk, err error) {
	if err := in.node.ended(ctx); err != nil {
		return Chunk{}, err
	}
	ch.mu.Lock()
	c, ok := ch.pop()
	if !ok {
		c, err = ch.waitForChunk(ctx, in, lends)
	}
	if c.n == 0 && err == nil {
		ch.eofSeen, err = true, io.EOF
	}
	for p := in; p.outer != nil; p = p.outer {
		p.bytes += int64(c.n)
	}
	ch.space.wake()
	ch.mu.Unlock()
	return c, err
}

// pop removes the oldest chunk; an empty one stands for EOF. The lock is held.
func (ch *channel) pop() (c Chunk, ok bool) {
	if ch.n == 0 || ch.loan.lent {
		return Chunk{}, ch.eof && !ch.loan.lent
	}
	s := &ch.ring[ch.head%slots]
	c = *s
	*s = Chunk{}
	ch.head++
	ch.n--
	if ch.n == 0 || !c.shares(ch.ring[ch.head%slots]) {
		ch.held -= c.weight()
	}
	ch.stats.taken++
	ch.stats.takenBytes += int64(c.n)
	return c, true
}

// waitForChunk waits until pop returns one, or the receiver must end. The lock is held.
func (ch *channel) waitForChunk(ctx context.Context, in *port, lends bool) (c Chunk, err error) {
	if lends {
		ch.loan.parked = true
		ch.space.wake()
	}
	for ok := false; !ok && err == nil; {
		if ch.loan.failed {
			err = ch.loan.lender.node.misused()
			break
		}
		ch.ready.wait(in, ctx.Done(), in.node.ctx.Done())
		if err = in.node.ended(ctx); err == nil {
			c, ok = ch.pop()
		}
	}
	if lends {
		ch.loan.parked = false // before the wait: a fast producer would borrow the writer again and again
		for ch.loan.lent {     // the writer is in use, and its owner may close it when take returns
			ch.ready.wait(in, nil, nil)
		}
	}
	if ch.n > 0 || ch.eof { // the token may have been another's
		ch.ready.wake()
	}
	return c, err
}

// end marks the end of the stream: the chunks in the ring are still delivered, then EOF.
func (ch *channel) end() {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.eof = true
	ch.ready.wake()
}

// abandon is called when the consumer has returned. It releases the chunks in the ring.
func (ch *channel) abandon() {
	ch.mu.Lock()
	ch.gone = true
	var left []Chunk
	for ; ch.n > 0; ch.n-- {
		s := &ch.ring[ch.head%slots]
		left = append(left, *s)
		*s = Chunk{}
		ch.head++
	}
	ch.held = 0
	ch.space.wake()
	ch.mu.Unlock()
	for _, c := range left { // without the locks: a stale chunk panics
		ch.run.drop(ch.from, c)
	}
}

// isGone reports whether the consumer has returned.
func (ch *channel) isGone() bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.gone
}

// counts returns the counters, the bytes of buffer capacity held now, and the promised size.
func (ch *channel) counts() (c channelCounts, held, size int64) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.stats, ch.held, ch.size
}

// leftover is the part of a chunk that a Reader has taken and not yet read. It belongs to the
// channel, so that Next after a Reader loses nothing.
type leftover struct {
	some atomic.Bool // whether c may have bytes
	mu   sync.Mutex
	c    Chunk
}

func (l *leftover) take() Chunk {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.c
	l.c = Chunk{}
	l.some.Store(false)
	return c
}
