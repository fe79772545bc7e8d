package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Pipeline is a whole flow, from a source to a sink. Its fields are settings, which
// Start copies. It may be run any number of times,
// also concurrently.
type Pipeline struct {
	// ChunkSize is the size in bytes of the chunks that CopyFrom and Writer fill, at
	// most 1 GiB. 0, the default, starts with 16 KiB and grows with the consumer.
	ChunkSize int

	// Buffer is how many bytes of buffer capacity one channel may hold; a larger chunk passes
	// when the channel is empty. 0 means 1 MiB.
	Buffer int

	// Grace is how long the last steps may go on after the context of the run has ended: then their context
	// ends too. It matters to those that wait for others, such as a server that does not answer. A run whose
	// context does not end gives them all the time they need. 0 means 30 s.
	Grace time.Duration

	source Source
	sink   Sink
}

const (
	defaultBuffer = 1 << 20
	defaultGrace  = 30 * time.Second
	maxChunkSize  = 1 << 30
)

// Run is a flow that has been started. It must be waited for.
type Run struct {
	config Pipeline
	ctx    context.Context // as Start got it
	group  *group
	start  time.Time
	ended  atomic.Int64 // a stamp; 0: under way
	waited atomic.Bool

	interrupted atomic.Int64 // a stamp: when ctx ended; 0: it has not
	unwatch     func()       // ends the watch over ctx

	fault       atomic.Pointer[Error] // a panic outside of any run function
	outstanding atomic.Int64          // poison mode: buffers that crossed a channel and were not released

	order []*node // the flow's own nodes, in the order of Describe
	specs []*spec // likewise

	mu       sync.Mutex // the graph's ends, and the records
	nodes    []*nodeRecord
	channels []*channelRecord
	detached []*group // undone also if the run succeeds
	nested   []*nestedFiles
}

// Run starts the flow and waits for it: see [Pipeline.Start] and [Run.Wait]. When it returns, all
// nodes have returned and all last steps are done: no goroutine, file or connection of
// the flow is left. The report is valid on error too.
//
// The error is the failure that came first, an [*Error] with the node's name; or,
// when ctx ended before the last node returned, context.Cause(ctx) itself. A failed run has
// published nothing, except what the error says it has.
func (p *Pipeline) Run(ctx context.Context) (Report, error) {
	r, err := p.Start(ctx)
	if err != nil {
		return Report{}, err
	}
	return r.Wait()
}

// Start starts the flow. Unless it returns an error, the caller must call [Run.Wait], which
// publishes or undoes the results. A flow that is incomplete, a setting out of range and a context that has ended
// are errors, and start nothing; so is one that would damage a file of its own: see [Source.Reads].
func (p *Pipeline) Start(ctx context.Context) (*Run, error) {
	specs, err := p.prepare()
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	r := &Run{config: *p, ctx: ctx, start: time.Now(), specs: specs}
	if err := r.checkFiles(); err != nil {
		return nil, err
	}
	r.group = newGroup(r, nil, ctx)
	r.group.build(nil, specs, nil, nil, nil)
	r.unwatch = afterFunc(ctx, func() { r.interrupted.Store(r.stamp()) })
	r.group.start()
	return r, nil
}

// Wait waits until every node has returned, calls the last steps and returns what
// [Pipeline.Run] does. It may be called once; every other call returns an error immediately.
func (r *Run) Wait() (Report, error) {
	if r.waited.Swap(true) {
		return r.Snapshot(), errWaited
	}
	defer r.group.cancel(ErrClosed)
	defer r.unwatch()
	err := r.group.wait()
	if fault := r.fault.Load(); fault != nil && err == nil {
		err = fault
	}
	if n := r.outstanding.Load(); n > 0 && err == nil {
		err = fmt.Errorf("pipeline: %d chunks were sent and never released", n)
	}
	err = r.finish(err)
	r.ended.Store(r.stamp())
	return r.Snapshot(), err
}

var errWaited = errors.New("pipeline: Wait was already called")

// drop releases a chunk that n was the last to hold. If it is stale the run has failed.
func (r *Run) drop(n *node, c Chunk) {
	defer func() {
		if v := recover(); v != nil {
			p := &PanicError{Node: n.spec.name, Value: v, Stack: debug.Stack()}
			r.fault.CompareAndSwap(nil, &Error{Node: n.spec.name, Bytes: n.seen(), Err: p})
		}
	}()
	c.Release()
}

// prepare checks the settings and returns the whole chain.
func (p *Pipeline) prepare() ([]*spec, error) {
	switch {
	case len(p.source.nodes) == 0:
		return nil, errNoSource
	case len(p.sink.nodes) == 0:
		return nil, errNoSink
	case p.ChunkSize < 0 || p.ChunkSize > maxChunkSize:
		return nil, fmt.Errorf("pipeline: ChunkSize %d: want 0 to %d bytes", p.ChunkSize, maxChunkSize)
	case p.Buffer < 0:
		return nil, fmt.Errorf("pipeline: Buffer %d: want 0 or more bytes", p.Buffer)
	case p.Grace < 0:
		return nil, fmt.Errorf("pipeline: Grace %v: want 0 or more", p.Grace)
	}
	specs := chain(p.source.nodes, p.sink.nodes)
	return specs, check(specs)
}

// bufferLimit returns how many bytes of buffer capacity a channel may hold.
func (p *Pipeline) bufferLimit() int64 {
	if p.Buffer == 0 {
		return defaultBuffer
	}
	return int64(p.Buffer)
}

// connect puts a channel between two nodes.
func (r *Run) connect(from, to *node) {
	ch := newChannel(r, from, to, r.config.bufferLimit())
	if p := to.spec.policy; p.lossy {
		ch.lossy, ch.limit = true, p.bytes
	}
	from.outs = append(from.outs, &Outlet{port{node: from, ch: ch}})
	from.live++
	to.in = &Inlet{port: port{node: to, ch: ch}}
	to.pending++
	r.recordChannel(ch)
}

// nodeEnded notes that n has succeeded, or was stopped. The lock is held.
func (r *Run) nodeEnded(n *node) {
	if !n.settled {
		n.settled = true
		r.passEOF(n)
	}
}

// passEOF is called when n has ended, or everything upstream of it. When both have, EOF
// passes through.
func (r *Run) passEOF(n *node) {
	if n.pending--; n.pending > 0 {
		return
	}
	for _, out := range n.outs {
		if out.outer == nil {
			out.ch.end()
			r.passEOF(out.ch.to)
		}
	}
}

// consumerLeft notes that the consumer of ch has returned. A node without consumers
// is stopped, and what feeds it with it. The lock is held.
func (r *Run) consumerLeft(ch *channel) {
	if ch.isGone() {
		return
	}
	n := ch.from
	n.live--
	stop := n.live == 0 && !n.returned.Load()
	if stop {
		n.cancel(ErrStopped) // before a Send can fail because the consumer has left
	}
	ch.abandon()
	if !stop {
		return
	}
	r.nodeEnded(n)
	if n.in != nil && n.in.outer == nil {
		r.consumerLeft(n.in.ch)
	}
}

// stamp returns the nanoseconds since the start, plus one: 0 stands for "not yet".
func (r *Run) stamp() int64 { return int64(r.now().Sub(r.start)) + 1 }

func (r *Run) now() time.Time { return time.Now() }
