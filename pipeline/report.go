package pipeline

import (
	"slices"
	"time"
)

// Report is the shape of a flow, its nodes and channels, and what a run of it did. While
// the run is under way it is a snapshot: times include the waits in progress.
type Report struct {
	Elapsed  time.Duration // since Start
	Nodes    []NodeStats   // in the order of Describe; nested nodes follow in the order of their first start, which may differ between runs
	Channels []ChannelStats
	Detached []*Error // why branches were detached, in the order in which it happened
}

// NodeStats is one node. A nested node that is started several times is counted under its name. In one
// place of a node, such as the parts of a Concat of a thousand files, 16 names are counted on their
// own, and the nodes with further ones together, under the name "…".
type NodeStats struct {
	Name   string
	Parent int   // index in Report.Nodes of the node whose run function started it, else -1
	In     int64 // bytes received
	Out    int64 // bytes sent; a Tee counts them for every branch

	// The node's time from its start to its return: at work, waiting for input,
	// waiting for room. If one goroutine uses each of its ports, they add up to its
	// wall time. A source that waits for a disk, or a sink for a network, is busy.
	Busy          time.Duration
	Idle          time.Duration
	Backpressured time.Duration
}

// ChannelStats is one channel between two nodes.
type ChannelStats struct {
	From, To    int           // indexes in Report.Nodes
	Buffer      int64         // bytes of buffer capacity it may hold, or one chunk
	Lossy       bool          // From never waits for To
	BestEffort  bool          // a failure of To does not fail the run; it does not of a lossy branch either
	Chunks      int64         // passed on
	Bytes       int64         // passed on
	Size        int64         // bytes promised by From; -1: unknown, or promised by a nested node that has ended
	Missed      int64         // chunks that a lossy branch missed
	MissedBytes int64         // their bytes
	Held        int64         // bytes of buffer capacity held now
	Peak        int64         // most of them held at once
	FullFor     time.Duration // how long From waited for room
	EmptyFor    time.Duration // how long To waited for chunks
}

// Bottleneck returns the index in r.Nodes of the node that sets the pace: the busiest one. What is
// upstream of it is backpressured, what is downstream is idle. It is -1 when no node
// has been busy.
func (r Report) Bottleneck() int {
	best := -1
	var busy time.Duration
	for i, n := range r.Nodes {
		// A node with nested ones is as busy as they are: the nested ones are more precise.
		if n.Busy > busy || n.Busy == busy && best >= 0 && n.Parent == best {
			best, busy = i, n.Busy
		}
	}
	return best
}

// Describe returns the shape of the flow: a report in which nothing has happened yet. It opens
// and starts nothing. The flow's own nodes come in the order in which their last steps run: the source
// first, the branches of a tee left to right; the nodes inside a node follow it. Package draw draws it.
func (p *Pipeline) Describe() Report {
	var r Report
	r.describe(-1, -1, p.bufferLimit(), chain(p.source.nodes, p.sink.nodes))
	return r
}

func (r *Report) describe(parent, prev int, limit int64, specs []*spec) {
	for _, s := range specs {
		i := len(r.Nodes)
		r.Nodes = append(r.Nodes, NodeStats{Name: s.name, Parent: parent})
		if prev >= 0 {
			r.Channels = append(r.Channels, s.policy.channelStats(prev, i, limit))
		}
		for _, in := range s.inputs {
			r.describe(i, -1, limit, in.nodes)
		}
		for _, b := range s.branches {
			r.describe(parent, i, limit, b.nodes)
		}
		prev = i
	}
}

// channelStats describes the channel in front of a node with the policy p.
func (p policy) channelStats(from, to int, limit int64) ChannelStats {
	if p.lossy {
		limit = p.bytes
	}
	return ChannelStats{From: from, To: to, Buffer: limit, Lossy: p.lossy, BestEffort: p.detach, Size: -1}
}

// Snapshot returns what the run has done so far. It may be called at any time,
// from any goroutine, also after the run.
func (r *Run) Snapshot() Report {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	report := Report{Elapsed: now.Sub(r.start)}
	if ended := r.ended.Load(); ended > 0 {
		report.Elapsed = time.Duration(ended - 1)
	}
	for _, rec := range r.nodes {
		s := rec.sum
		for _, n := range rec.live {
			s.add(n.stats(now))
		}
		s.Name, s.Parent = rec.name, rec.parent
		report.Nodes = append(report.Nodes, s)
	}
	for _, rec := range r.channels {
		s := rec.policy.channelStats(rec.from.index, rec.to.index, r.config.bufferLimit())
		s.add(rec.sum)
		s.Size = -1 // until one is under way that has promised
		for _, e := range rec.live {
			s.add(e.report())
		}
		report.Channels = append(report.Channels, s)
	}
	for _, b := range r.detached {
		if b.branch {
			report.Detached = append(report.Detached, b.detached)
		}
	}
	return report
}

func (s *NodeStats) add(t NodeStats) {
	s.In += t.In
	s.Out += t.Out
	s.Busy += t.Busy
	s.Idle += t.Idle
	s.Backpressured += t.Backpressured
}

func (s *ChannelStats) add(t ChannelStats) {
	s.Chunks += t.Chunks
	s.Bytes += t.Bytes
	s.Size = t.Size
	s.Missed += t.Missed
	s.MissedBytes += t.MissedBytes
	s.Held += t.Held
	s.Peak = max(s.Peak, t.Peak)
	s.FullFor += t.FullFor
	s.EmptyFor += t.EmptyFor
}

// stats returns what one node did until now.
func (n *node) stats(now time.Time) NodeStats {
	var s NodeStats
	if n.in != nil {
		s.In, s.Idle = n.in.received(), n.in.waited(now)
	}
	for _, out := range n.outs {
		s.Out += out.sent()
		s.Backpressured += out.waited(now)
	}
	if started := n.started.Load(); started > 0 {
		end := n.stopped.Load()
		if end == 0 {
			end = int64(now.Sub(n.run.start)) + 1
		}
		s.Busy = max(0, time.Duration(end-started)-s.Idle-s.Backpressured)
	}
	return s
}

// report returns what one channel did until now.
func (e *channel) report() ChannelStats {
	c, held, size := e.counts()
	s := ChannelStats{
		Chunks: c.sent, Bytes: c.sentBytes, Size: size,
		Missed: c.missed, MissedBytes: c.missedBytes,
		Held: held, Peak: c.peak,
	}
	now := e.run.now()
	s.EmptyFor = e.to.in.waited(now)
	for _, out := range e.from.outs {
		if out.ch == e {
			s.FullFor = out.waited(now)
		}
	}
	return s
}

// waitClock adds up the time during which at least one goroutine waits.
type waitClock struct {
	waiting int
	since   time.Time
	total   time.Duration
}

// waits notes that a goroutine starts or stops waiting at p. The channel's lock is held.
func (p *port) waits(begin bool) {
	now := p.node.run.now()
	for ; p != nil; p = p.outer {
		switch c := &p.clock; {
		case begin:
			if c.waiting++; c.waiting == 1 {
				c.since = now
			}
		default:
			if c.waiting--; c.waiting == 0 {
				c.total += now.Sub(c.since)
			}
		}
	}
}

// waited returns how long p has been waited at until now.
func (p *port) waited(now time.Time) time.Duration {
	p.ch.mu.Lock()
	defer p.ch.mu.Unlock()
	if p.clock.waiting > 0 {
		return p.clock.total + now.Sub(p.clock.since)
	}
	return p.clock.total
}

// maxNames is how many nodes in one place of a node have a record each. A node may start any number of others,
// and the report must not grow with them.
const maxNames = 16

// nodeRecord gathers what the nodes of one place in the description did: a node of
// the flow itself runs once, a nested one any number of times.
type nodeRecord struct {
	index, parent int // in Run.nodes
	pos           int // in the chain it stands in
	name          string
	live          []*node
	sum           NodeStats // of those retired
}

type channelRecord struct {
	from, to *nodeRecord
	policy   policy
	live     []*channel
	sum      ChannelStats
}

// recordNode finds or makes the record of n. The lock is held, or nothing runs yet.
func (r *Run) recordNode(owner, n *node, pos int) *nodeRecord {
	parent, name := -1, n.spec.name
	if owner != nil {
		parent = owner.record.index
		names := 0
		for _, rec := range r.nodes {
			if rec.parent != parent || rec.pos != pos {
				continue
			}
			if rec.name == name || names == maxNames { // the last one is that of all others
				rec.live = append(rec.live, n)
				return rec
			}
			names++
		}
		if names == maxNames {
			name = "…"
		}
	}
	rec := &nodeRecord{index: len(r.nodes), parent: parent, pos: pos, name: name, live: []*node{n}}
	r.nodes = append(r.nodes, rec)
	if owner == nil {
		r.order = append(r.order, n)
	}
	return rec
}

// recordChannel finds or makes the record of e. The lock is held, or nothing runs yet.
func (r *Run) recordChannel(e *channel) {
	for _, rec := range r.channels {
		if rec.from == e.from.record && rec.to == e.to.record && rec.from.parent >= 0 {
			rec.live = append(rec.live, e)
			return
		}
	}
	r.channels = append(r.channels, &channelRecord{from: e.from.record, to: e.to.record, policy: e.to.spec.policy, live: []*channel{e}})
}

// retire adds the nodes of a nested group that has ended to their records.
func (r *Run) retire(g *group) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fold(g, r.now())
}

func (r *Run) fold(g *group, now time.Time) {
	for _, n := range g.nodes {
		rec := n.record
		rec.sum.add(n.stats(now))
		rec.live = slices.DeleteFunc(rec.live, func(m *node) bool { return m == n })
		if n.in == nil || n.in.outer != nil {
			continue
		}
		for _, er := range r.channels {
			if i := slices.Index(er.live, n.in.ch); i >= 0 {
				er.sum.add(n.in.ch.report())
				er.live = slices.Delete(er.live, i, i+1)
			}
		}
	}
	for _, b := range g.branches {
		r.fold(b, now)
	}
}
