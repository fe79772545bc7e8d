package pipeline

import (
	"context"
	"io"
	"sync"
	"time"
)

// slots is how many chunks a channel holds at most, however small they are.
const slots = 64

// channel is the bounded channel between two nodes. It is a ring under a mutex and
// not a Go channel because its bound is bytes of buffer capacity (promise 7),
// because it must tell "ended well" from "ended", and because its counters then
// cost nothing: under the lock they need no atomics. Measured on two cores, a bare
// hop over such a ring takes 1.1 times a hop over a raw channel of 64, and one over a
// Go channel with an atomic budget and counters beside it 1.6 times; with contexts,
// promises and waiting times it becomes 1.3 to 2.1 (BenchmarkHop).
//
// The two Go channels only wake who waits. The mutex is never held while one of
// them is used, so testing/synctest sees every wait.
type channel struct {
	run      *Run
	from, to *node
	lossy    bool          // a chunk that does not fit is missed, not waited for
	limit    int64         // bytes of buffer capacity; one chunk always fits
	ready    chan struct{} // a token: somebody waiting in take may look again
	space    chan struct{} // a token: somebody waiting in put may look again

	_ [64]byte // what changes starts on a cache line of its own, and is kept close together

	mu       sync.Mutex
	head, n  uint32
	held     int64 // bytes of buffer capacity in the ring
	size     int64 // promised bytes; -1: unknown
	takers   int32 // goroutines waiting in take
	putters  int32 // goroutines waiting in put
	parked   bool  // the one who offers direct waits in take
	lent     bool  // the producer writes to direct
	recalled bool  // the one who offers waits for the end of that
	eof      bool  // everything upstream has ended well; nothing more comes
	gone     bool  // the consumer takes no more
	stats    channelCounts
	direct   Filler // on offer to the producer: see direct.go
	offerer  *Inlet
	ring     [slots]Chunk
}

// channelCounts is what a channel counts.
type channelCounts struct {
	sent, sentBytes     int64
	taken, takenBytes   int64
	missed, missedBytes int64
	peak                int64 // most bytes of buffer capacity held at once
}

func newChannel(r *Run, from, to *node, limit int64) *channel {
	return &channel{
		run: r, from: from, to: to, limit: limit, size: -1,
		ready: make(chan struct{}, 1),
		space: make(chan struct{}, 1),
	}
}

// signal leaves a token for one waiting goroutine. A token that is there already
// serves as well.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// put appends c, waiting for room. It takes c in any case.
func (e *channel) put(ctx context.Context, out *Outlet, c Chunk) error {
	if err := out.node.ended(ctx); err != nil {
		c.Release()
		return err
	}
	if poisoned() && c.pooled() {
		c.buf.crossed(e.run)
	}
	e.mu.Lock()
	fate := e.push(c)
	if fate == waits {
		e.putters++
		e.mu.Unlock()
		return e.putSlow(ctx, out, c)
	}
	wake := e.takers > 0
	e.mu.Unlock()
	if wake {
		signal(e.ready)
	}
	return fate.settle(c)
}

// fate is what push found for a chunk.
type fate int

const (
	held    fate = iota // in the ring now
	waits               // for room
	missed              // by a lossy branch
	refused             // nobody wants it
)

// settle releases a chunk that is not held. It is called without the lock,
// because a Release panics when the chunk is stale.
func (f fate) settle(c Chunk) error {
	if f != held {
		c.Release()
	}
	if f == refused {
		return ErrStopped
	}
	return nil
}

// push appends c if it fits. The lock is held.
func (e *channel) push(c Chunk) fate {
	if e.gone {
		return refused
	}
	w := c.weight()
	if e.n > 0 && c.shares(e.ring[(e.head+e.n-1)%slots]) {
		w = 0 // pieces of one buffer count once
	}
	if e.n == slots || e.n > 0 && e.held+w > e.limit {
		if !e.lossy {
			return waits
		}
		e.stats.missed++
		e.stats.missedBytes += int64(c.n)
		return missed
	}
	e.ring[(e.head+e.n)%slots] = c
	e.n++
	e.held += w
	e.stats.sent++
	e.stats.sentBytes += int64(c.n)
	e.stats.peak = max(e.stats.peak, e.held)
	return held
}

// putSlow waits for room; e.putters counts the caller already. The clock is read
// only here and in takeSlow.
func (e *channel) putSlow(ctx context.Context, out *Outlet, c Chunk) error {
	out.waits(true)
	defer out.waits(false)
	for {
		select {
		case <-e.space:
		case <-ctx.Done():
		case <-out.node.ctx.Done():
		}
		err := out.node.ended(ctx)
		fate := refused
		e.mu.Lock()
		if err == nil {
			fate = e.push(c)
		}
		if fate == waits {
			e.mu.Unlock()
			continue
		}
		e.putters--
		wake, pass := e.takers > 0 && e.n > 0, e.putters > 0
		e.mu.Unlock()
		if wake {
			signal(e.ready)
		}
		if pass { // the token that woke this goroutine may have been another's
			signal(e.space)
		}
		if stopped := fate.settle(c); err == nil {
			err = stopped
		}
		return err
	}
}

// take removes the oldest chunk, waiting for one. It returns bare io.EOF once
// everything upstream has ended well and the ring is empty. With lends set the
// caller has offered its writer to the producer.
func (e *channel) take(ctx context.Context, in *Inlet, lends bool) (Chunk, error) {
	if err := in.node.ended(ctx); err != nil {
		return Chunk{}, err
	}
	e.mu.Lock()
	c, done := e.pop()
	if !done {
		e.takers++
		e.parked = e.parked || lends
		wake := lends && e.putters > 0
		e.mu.Unlock()
		if wake {
			signal(e.space)
		}
		return e.takeSlow(ctx, in, lends)
	}
	wake := e.putters > 0
	e.mu.Unlock()
	if c.buf == nil {
		return Chunk{}, io.EOF
	}
	if wake {
		signal(e.space)
	}
	return c, nil
}

// pop removes the oldest chunk; an empty one stands for EOF. The lock is held.
func (e *channel) pop() (c Chunk, done bool) {
	if e.n == 0 || e.lent {
		return Chunk{}, e.eof && !e.lent
	}
	s := &e.ring[e.head%slots]
	c = *s
	*s = Chunk{}
	e.head++
	e.n--
	if e.n == 0 || !c.shares(e.ring[e.head%slots]) {
		e.held -= c.weight()
	}
	e.stats.taken++
	e.stats.takenBytes += int64(c.n)
	return c, true
}

// takeSlow waits for a chunk; e.takers counts the caller already.
func (e *channel) takeSlow(ctx context.Context, in *Inlet, lends bool) (Chunk, error) {
	in.waits(true)
	defer in.waits(false)
	for {
		select {
		case <-e.ready:
		case <-ctx.Done():
		case <-in.node.ctx.Done():
		}
		var c Chunk
		err := in.node.ended(ctx)
		e.mu.Lock()
		for err != nil && lends && e.lent { // the writer is on loan; its owner must not close it
			e.recalled = true
			e.mu.Unlock()
			<-e.ready
			e.mu.Lock()
		}
		done := err != nil
		if !done {
			c, done = e.pop()
		}
		if !done {
			e.mu.Unlock()
			continue
		}
		e.takers--
		if lends {
			e.parked = false
		}
		wake, pass := e.putters > 0 && err == nil, e.takers > 0 && (e.n > 0 || e.eof)
		e.mu.Unlock()
		if wake {
			signal(e.space)
		}
		if pass {
			signal(e.ready)
		}
		if err == nil && c.buf == nil {
			err = io.EOF
		}
		return c, err
	}
}

// end marks the end of the stream: what is held is still delivered, then EOF.
func (e *channel) end() {
	e.mu.Lock()
	e.eof = true
	e.mu.Unlock()
	signal(e.ready)
}

// abandon is called when the consumer takes no more. It releases what is held.
func (e *channel) abandon() {
	e.mu.Lock()
	e.gone = true
	var left []Chunk
	for ; e.n > 0; e.n-- {
		s := &e.ring[e.head%slots]
		left = append(left, *s)
		*s = Chunk{}
		e.head++
	}
	e.held = 0
	e.mu.Unlock()
	signal(e.space)
	for _, c := range left { // without the locks: a stale chunk panics
		e.run.drop(e.from, c)
	}
}

// isGone reports whether the consumer takes no more.
func (e *channel) isGone() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.gone
}

// buffered returns the number of chunks held.
func (e *channel) buffered() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return int(e.n)
}

// counts returns the counters and what is held now.
func (e *channel) counts() (c channelCounts, held, size int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stats, e.held, e.size
}

// meter adds up the time during which at least one goroutine waits.
type meter struct {
	mu      sync.Mutex
	waiting int
	since   time.Time
	total   time.Duration
}

func (m *meter) mark(begin bool, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if begin {
		if m.waiting++; m.waiting == 1 {
			m.since = now
		}
		return
	}
	if m.waiting--; m.waiting == 0 {
		m.total += now.Sub(m.since)
	}
}

// read returns the total, a wait that is going on included.
func (m *meter) read(now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting > 0 {
		return m.total + now.Sub(m.since)
	}
	return m.total
}
