package pipeline

import (
	"fmt"
	"strconv"
	"strings"
)

// Topology is the shape of a flow as data. It draws itself: String for people,
// Mermaid and DOT for documents.
type Topology struct {
	Nodes []TopologyNode
	Edges []TopologyEdge
}

// TopologyNode is one node of a [Topology].
type TopologyNode struct {
	Name   string
	Kind   Kind
	Parent int // index of the node that runs it inside itself (Concat, Merge), else -1
}

// TopologyEdge is a channel between two nodes.
type TopologyEdge struct {
	From, To   int   // indexes in Topology.Nodes
	Buffer     int64 // bytes of buffer capacity it may hold, or one chunk
	Lossy      bool  // From never waits for To
	BestEffort bool  // a failure behind it does not fail the run; lossy ones are, too
}

// Describe returns the topology of the flow. It opens and starts nothing. The
// flow's own nodes come in the order in which their last steps run: the source first, the
// branches of a tee left to right; the nodes inside a node follow it.
func (p *Pipeline) Describe() Topology {
	var t Topology
	limit := int64(p.Buffer)
	if limit == 0 {
		limit = defaultBuffer
	}
	t.chain(-1, -1, limit, chain(p.source.nodes, p.sink.nodes))
	return t
}

func (t *Topology) chain(parent, prev int, limit int64, specs []*spec) {
	for _, s := range specs {
		i := len(t.Nodes)
		t.Nodes = append(t.Nodes, TopologyNode{s.name, s.kind, parent})
		if prev >= 0 {
			e := TopologyEdge{From: prev, To: i, Buffer: limit, Lossy: s.policy.lossy, BestEffort: s.policy.detach}
			if e.Lossy {
				e.Buffer = s.policy.bytes
			}
			t.Edges = append(t.Edges, e)
		}
		for _, in := range s.inputs {
			t.chain(i, -1, limit, in.nodes)
		}
		for _, b := range s.branches {
			t.chain(parent, i, limit, b.nodes)
		}
		prev = i
	}
}

// next returns the edges that leave node i.
func (t Topology) next(i int) (edges []TopologyEdge) {
	for _, e := range t.Edges {
		if e.From == i {
			edges = append(edges, e)
		}
	}
	return edges
}

// inputs returns the first nodes of the sources that node i runs inside itself.
func (t Topology) inputs(i int) (first []int) {
	fed := make(map[int]bool)
	for _, e := range t.Edges {
		fed[e.To] = true
	}
	for j, n := range t.Nodes {
		if n.Parent == i && !fed[j] {
			first = append(first, j)
		}
	}
	return first
}

// String draws the flow as text: a chain on one line, the branches of a tee
// below it.
//
//	file → tee
//	├ gzip → file
//	└ (best effort) sha256 → file
func (t Topology) String() string {
	if len(t.Nodes) == 0 {
		return ""
	}
	var b strings.Builder
	t.text(&b, 0, "")
	return b.String()
}

func (t Topology) text(b *strings.Builder, i int, indent string) {
	for {
		b.WriteString(t.Nodes[i].Name)
		if inputs := t.inputs(i); len(inputs) > 0 {
			b.WriteString("(")
			for k, j := range inputs {
				if k > 0 {
					b.WriteString(", ")
				}
				t.text(b, j, indent)
			}
			b.WriteString(")")
		}
		edges := t.next(i)
		if len(edges) != 1 {
			for k, e := range edges {
				mark, deeper := "├ ", "│ "
				if k == len(edges)-1 {
					mark, deeper = "└ ", "  "
				}
				b.WriteString("\n" + indent + mark)
				b.WriteString(e.label("(", ") "))
				t.text(b, e.To, indent+deeper)
			}
			return
		}
		b.WriteString(" → ")
		b.WriteString(edges[0].label("(", ") "))
		i = edges[0].To
	}
}

// label names the edge's policy between before and after, if it has one.
func (e TopologyEdge) label(before, after string) string {
	switch {
	case e.Lossy:
		return before + "lossy" + after
	case e.BestEffort:
		return before + "best effort" + after
	}
	return ""
}

// Mermaid draws the flow as a Mermaid flowchart.
func (t Topology) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, n := range t.Nodes {
		left, right := "[", "]"
		switch n.Kind {
		case KindSource:
			left, right = "([", "])"
		case KindSink:
			left, right = "[(", ")]"
		}
		// Mermaid has no escape for a quote but the HTML entity.
		fmt.Fprintf(&b, "  n%d%s\"%s\"%s\n", i, left, strings.NewReplacer(`&`, "&amp;", `"`, "&quot;", "<", "&lt;", ">", "&gt;").Replace(n.Name), right)
	}
	for _, e := range t.Edges {
		fmt.Fprintf(&b, "  n%d -->%s n%d\n", e.From, e.label("|", "|"), e.To)
	}
	t.inner(func(from, to int) { fmt.Fprintf(&b, "  n%d -.-> n%d\n", from, to) })
	return b.String()
}

// DOT draws the flow in the language of Graphviz.
func (t Topology) DOT() string {
	var b strings.Builder
	b.WriteString("digraph flow {\n  rankdir=LR;\n  node [shape=box];\n")
	for i, n := range t.Nodes {
		fmt.Fprintf(&b, "  n%d [label=%s];\n", i, strconv.Quote(n.Name))
	}
	for _, e := range t.Edges {
		fmt.Fprintf(&b, "  n%d -> n%d%s;\n", e.From, e.To, e.label(` [label="`, `"]`))
	}
	t.inner(func(from, to int) { fmt.Fprintf(&b, "  n%d -> n%d [style=dashed];\n", from, to) })
	b.WriteString("}\n")
	return b.String()
}

// inner calls draw for the last node of every source that runs inside another node.
func (t Topology) inner(draw func(from, to int)) {
	for i, n := range t.Nodes {
		if n.Parent >= 0 && len(t.next(i)) == 0 {
			draw(i, n.Parent)
		}
	}
}
