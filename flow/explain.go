package flow

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline/draw"
)

// Explain writes what the flow would do, and opens nothing: a line for each element, in the order
// in which the branches publish, the nodes and channels, and the most memory that they hold of the
// stream. describe returns the text for a source or a sink; nil uses their Doc. Pipeline must not be
// nil.
func (b *Built) Explain(w io.Writer, describe func(Endpoint) string) error {
	if describe == nil {
		describe = func(e Endpoint) string { return e.Element.Doc }
	}
	words := b.flow.Words()
	fmt.Fprintf(w, "%s\n\n", text.Printable(text.Quote(words)))
	t := &table{w: tabwriter.NewWriter(w, 0, 0, 3, ' ', 0), first: "  ", indent: "  ", describe: describe}
	t.endpoint(b.flow.source)
	t.chain(&b.flow.chain)
	if err := t.w.Flush(); err != nil {
		return err
	}
	shape := b.Pipeline.Describe()
	// A channel holds its buffer, its sender one chunk and its receiver another.
	const largestChunk = 1 << 20
	var most int64
	for _, c := range shape.Channels {
		most += c.Buffer + 2*largestChunk
	}
	_, err := fmt.Fprintf(w, "\n%s\n\nmemory: at most %s of the stream at a time, channels: %d\n", draw.Text(shape), text.Size(most), len(shape.Channels))
	return err
}

// A table writes a line for each element.
type table struct {
	w             *tabwriter.Writer
	first, indent string // in front of the next line, and of the others of its chain
	describe      func(Endpoint) string
}

func (t *table) line(kind, name, doc string) {
	fmt.Fprintf(t.w, "%s%s\t%s\t%s\n", t.first, kind, text.Printable(name), doc)
	t.first = t.indent
}

func (t *table) endpoint(e Endpoint) {
	t.line(string(e.Element.Role()), e.Shown(), t.describe(e))
}

func (t *table) chain(c *chain) {
	for _, s := range c.steps {
		words := []string{s.Element.Name}
		for _, o := range s.Element.Options {
			if v, ok := s.Values[o.Name]; ok {
				words = append(words, fmt.Sprintf("%s=%v", o.Name, v))
			}
		}
		t.line(string(s.Element.Role()), text.Quote(words), s.Element.Doc)
	}
	if c.sink != nil {
		t.endpoint(*c.sink)
		return
	}
	t.line(c.fan.Element.Name, fmt.Sprintf("branches: %d", len(c.fan.branches)), c.fan.Element.Doc)
	for _, branch := range c.fan.lateFirst() {
		nested := *t
		nested.first, nested.indent = t.indent+"[ ", t.indent+"  "
		nested.chain(branch)
	}
}
