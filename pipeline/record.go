package pipeline

import (
	"slices"
	"time"
)

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
	parent := -1
	if owner != nil {
		parent = owner.record.index
		for _, rec := range r.nodes {
			if rec.parent == parent && rec.pos == pos && rec.name == n.spec.name {
				rec.live = append(rec.live, n)
				return rec
			}
		}
	}
	rec := &nodeRecord{index: len(r.nodes), parent: parent, pos: pos, name: n.spec.name, live: []*node{n}}
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
			if i := slices.Index(er.live, n.in.channel); i >= 0 {
				er.sum.add(n.in.channel.report())
				er.live = slices.Delete(er.live, i, i+1)
			}
		}
	}
	for _, b := range g.branches {
		r.fold(b, now)
	}
}
