package pipeline

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Pipeline is a whole flow, from a source to a sink. Its fields are settings; they
// may be changed before Run and not during one. It may be run any number of times,
// at once too.
type Pipeline struct {
	// ChunkSize is how many bytes a chunk holds that CopyFrom and Writer fill, at
	// most 1 GiB. 0, the default, starts with 16 KiB and grows with the consumer.
	ChunkSize int

	// Buffer is how many bytes of buffer capacity one channel may hold; a larger chunk passes
	// when the channel is empty. 0 means 1 MiB.
	Buffer int

	// OnStart is called with the run before its first node starts. The run may be
	// kept for snapshots.
	OnStart func(*Run)

	source Source
	sink   Sink
}

const (
	defaultBuffer = 1 << 20
	maxChunkSize  = 1 << 30
)

// Run is a flow under way.
type Run struct {
	config Pipeline
	start  time.Time
	ended  atomic.Int64 // a stamp; 0: under way

	fault       atomic.Pointer[Error] // a panic outside of any run function
	outstanding atomic.Int64          // poison mode: buffers that crossed an edge and were not released

	order []*node // the flow's own nodes, in the order of Describe

	mu    sync.Mutex // the graph's ends, and the records
	nodes []*nodeRecord
	edges []*edgeRecord
	lost  []*group // what has to be undone whatever becomes of the run
}

// Run runs the flow and returns when all its nodes have returned and all last
// steps are taken: no goroutine, file or connection of it is left. The report is
// valid on error too.
//
// The error is the failure that came first, an [*Error] with the node's name; or,
// when ctx ended before the last node returned, context.Cause(ctx) itself. A failed run has
// published nothing, except what the error says it has.
func (p *Pipeline) Run(ctx context.Context) (Report, error) {
	r := &Run{start: time.Now()}
	specs, err := p.prepare()
	if err != nil {
		return r.over(), err
	}
	if ctx.Err() != nil {
		return r.over(), context.Cause(ctx)
	}
	r.config = *p
	g := newGroup(r, nil, ctx)
	defer g.cancel(ErrClosed)
	g.build(nil, specs, nil, nil, nil)
	if p.OnStart != nil {
		p.OnStart(r)
	}
	g.start()
	err = g.wait()
	if fault := r.fault.Load(); fault != nil && err == nil {
		err = fault
	}
	if n := r.outstanding.Load(); n > 0 && err == nil {
		err = fmt.Errorf("pipeline: %d chunks were sent and never released", n)
	}
	err = g.conclude(context.WithoutCancel(ctx), err)
	return r.over(), err
}

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
	}
	specs := chain(p.source.nodes, p.sink.nodes)
	return specs, check(specs)
}

// connect puts an edge between two nodes.
func (r *Run) connect(from, to *node) {
	limit := int64(r.config.Buffer)
	if limit == 0 {
		limit = defaultBuffer
	}
	e := newEdge(r, from, to, limit)
	if p := to.spec.policy; p.lossy {
		e.lossy, e.limit = true, p.bytes
	}
	from.outs = append(from.outs, &Outlet{node: from, edge: e})
	from.live++
	to.in = &Inlet{node: to, edge: e}
	to.pending++
	r.recordEdge(e)
}

// arrive notes that n has ended well. When everything upstream of it has too, EOF
// passes through. The lock is held.
func (r *Run) arrive(n *node) {
	if n.settled {
		return
	}
	n.settled = true
	r.count(n)
}

func (r *Run) count(n *node) {
	if n.pending--; n.pending > 0 {
		return
	}
	for _, out := range n.outs {
		if out.outer == nil {
			out.edge.end()
			r.count(out.edge.to)
		}
	}
}

// leave notes that the consumer of e takes no more. A node that nobody listens to
// is stopped, and what feeds it with it. The lock is held.
func (r *Run) leave(e *edge) {
	if e.isGone() {
		return
	}
	n := e.from
	n.live--
	stop := n.live == 0 && !n.returned.Load()
	if stop {
		n.cancel(ErrStopped) // before a Send can fail because the edge is gone
	}
	e.abandon()
	if !stop {
		return
	}
	r.arrive(n)
	if n.in != nil && n.in.outer == nil {
		r.leave(n.in.edge)
	}
}

// stamp returns the nanoseconds since the start, plus one: 0 stands for "not yet".
func (r *Run) stamp() int64 { return int64(r.now().Sub(r.start)) + 1 }

func (r *Run) now() time.Time { return time.Now() }
