// Package draw draws the shape of a flow: as text for people, as Mermaid and DOT for
// documents. It draws what [pipeline.Pipeline.Describe] returns, and the report of a run.
package draw

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/weirflow/weir/pipeline"
)

// Text draws the flow as text, without a final newline: a chain on one line, the branches of a
// tee below it, the sources that a node runs inside itself in parentheses.
//
//	file → tee
//	├ gzip → file
//	└ (best effort) sha256 → file
func Text(r pipeline.Report) string {
	if len(r.Nodes) == 0 {
		return ""
	}
	g := graphOf(r)
	var b strings.Builder
	g.text(&b, 0, "")
	return b.String()
}

// mermaidEscaper replaces what ends a Mermaid label: there is no escape but the HTML entity.
var mermaidEscaper = strings.NewReplacer(`&`, "&amp;", `"`, "&quot;", "<", "&lt;", ">", "&gt;")

// Mermaid draws the flow as a Mermaid flowchart.
func Mermaid(r pipeline.Report) string {
	g := graphOf(r)
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, n := range r.Nodes {
		left, right := "[", "]"
		switch {
		case !g.fed[i]:
			left, right = "([", "])"
		case len(g.out[i]) == 0 && n.Parent < 0:
			left, right = "[(", ")]"
		}
		fmt.Fprintf(&b, "  n%d%s\"%s\"%s\n", i, left, mermaidEscaper.Replace(n.Name), right)
	}
	for _, c := range r.Channels {
		fmt.Fprintf(&b, "  n%d -->%s n%d\n", c.From, label(c, "|", "|"), c.To)
	}
	g.inner(func(from, to int) { fmt.Fprintf(&b, "  n%d -.-> n%d\n", from, to) })
	return b.String()
}

// DOT draws the flow in the language of Graphviz.
func DOT(r pipeline.Report) string {
	g := graphOf(r)
	var b strings.Builder
	b.WriteString("digraph flow {\n  rankdir=LR;\n  node [shape=box];\n")
	for i, n := range r.Nodes {
		fmt.Fprintf(&b, "  n%d [label=%s];\n", i, strconv.Quote(n.Name))
	}
	for _, c := range r.Channels {
		fmt.Fprintf(&b, "  n%d -> n%d%s;\n", c.From, c.To, label(c, ` [label="`, `"]`))
	}
	g.inner(func(from, to int) { fmt.Fprintf(&b, "  n%d -> n%d [style=dashed];\n", from, to) })
	b.WriteString("}\n")
	return b.String()
}

// graph is a report with its channels by node.
type graph struct {
	pipeline.Report
	out [][]pipeline.ChannelStats // that leave a node
	fed []bool                    // whether one ends at a node
}

func graphOf(r pipeline.Report) *graph {
	g := &graph{r, make([][]pipeline.ChannelStats, len(r.Nodes)), make([]bool, len(r.Nodes))}
	for _, c := range r.Channels {
		g.out[c.From] = append(g.out[c.From], c)
		g.fed[c.To] = true
	}
	return g
}

// inputs returns the first nodes of the sources that node i runs inside itself.
func (g *graph) inputs(i int) (first []int) {
	for j, n := range g.Nodes {
		if n.Parent == i && !g.fed[j] {
			first = append(first, j)
		}
	}
	return first
}

// inner calls f for the last node of every source that runs inside another node.
func (g *graph) inner(f func(from, to int)) {
	for i, n := range g.Nodes {
		if n.Parent >= 0 && len(g.out[i]) == 0 {
			f(i, n.Parent)
		}
	}
}

func (g *graph) text(b *strings.Builder, i int, indent string) {
	for {
		b.WriteString(g.Nodes[i].Name)
		if inputs := g.inputs(i); len(inputs) > 0 {
			b.WriteString("(")
			for k, j := range inputs {
				if k > 0 {
					b.WriteString(", ")
				}
				g.text(b, j, indent)
			}
			b.WriteString(")")
		}
		out := g.out[i]
		if len(out) != 1 {
			for k, c := range out {
				mark, deeper := "├ ", "│ "
				if k == len(out)-1 {
					mark, deeper = "└ ", "  "
				}
				b.WriteString("\n" + indent + mark)
				b.WriteString(label(c, "(", ") "))
				g.text(b, c.To, indent+deeper)
			}
			return
		}
		b.WriteString(" → ")
		b.WriteString(label(out[0], "(", ") "))
		i = out[0].To
	}
}

// label names the policy of the branch that c leads to between before and after, if it has one.
func label(c pipeline.ChannelStats, before, after string) string {
	switch {
	case c.Lossy:
		return before + "lossy" + after
	case c.BestEffort:
		return before + "best effort" + after
	}
	return ""
}
