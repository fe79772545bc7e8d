package pipeline

import (
	"time"
)

// Report is what a run did. While the run is under way it is a snapshot: times
// include the waits that are going on.
type Report struct {
	Elapsed  time.Duration // since Run was called
	Nodes    []NodeStats   // in the order of Describe; nested nodes where they first started
	Edges    []EdgeStats
	Detached []*Error // why branches were detached, in the order in which it happened
}

// NodeStats is one node. A nested node that is started several times (the parts of
// a Concat of a thousand files) is counted under one name.
type NodeStats struct {
	Name   string
	Parent int   // index in Report.Nodes of the node whose run function started it, else -1
	In     int64 // bytes received
	Out    int64 // bytes sent; a Tee counts them for every branch

	// The node's time from its start to its return: at work, waiting for input,
	// waiting for room. For a node with one goroutine a port they add up to its
	// wall time. A source that waits for a disk, or a sink for a network, is busy.
	Busy          time.Duration
	Idle          time.Duration
	Backpressured time.Duration
}

// EdgeStats is one channel between two nodes.
type EdgeStats struct {
	From, To    int           // indexes in Report.Nodes
	Chunks      int64         // passed on
	Bytes       int64         // passed on
	Size        int64         // bytes promised by From; -1: unknown
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
		// A node with nested ones is as busy as they are; they tell more.
		if n.Busy > busy || n.Busy == busy && best >= 0 && n.Parent == best {
			best, busy = i, n.Busy
		}
	}
	return best
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
	for _, rec := range r.edges {
		s := rec.sum
		if len(rec.live) == 0 {
			s.Size = -1
		}
		for _, e := range rec.live {
			s.add(e.report())
		}
		s.From, s.To = rec.from.index, rec.to.index
		report.Edges = append(report.Edges, s)
	}
	for _, b := range r.lost {
		if b.branch {
			report.Detached = append(report.Detached, b.lost)
		}
	}
	return report
}

// over marks the end of the run and returns the report.
func (r *Run) over() Report {
	r.ended.Store(r.stamp())
	return r.Snapshot()
}

func (s *NodeStats) add(t NodeStats) {
	s.In += t.In
	s.Out += t.Out
	s.Busy += t.Busy
	s.Idle += t.Idle
	s.Backpressured += t.Backpressured
}

func (s *EdgeStats) add(t EdgeStats) {
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
		s.In, s.Idle = n.in.received(), n.in.wait.read(now)
	}
	for _, out := range n.outs {
		s.Out += out.sent()
		s.Backpressured += out.wait.read(now)
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

// report returns what one edge did until now.
func (e *edge) report() EdgeStats {
	c, held, size := e.counts()
	s := EdgeStats{
		Chunks: c.sent, Bytes: c.sentBytes, Size: size,
		Missed: c.missed, MissedBytes: c.missedBytes,
		Held: held, Peak: c.peak,
	}
	now := e.run.now()
	s.EmptyFor = e.to.in.wait.read(now)
	for _, out := range e.from.outs {
		if out.edge == e {
			s.FullFor = out.wait.read(now)
		}
	}
	return s
}
