package flow

import (
	"fmt"
	"strings"
)

// Tree writes a flow with the index of each word.
func (f *Flow) Tree() string {
	return fmt.Sprintf("%s@%d", f.source.Word, f.source.At) + f.chain.tree()
}

func (c *chain) tree() string {
	var b strings.Builder
	for i := range c.steps {
		b.WriteString(c.steps[i].tree())
	}
	switch {
	case c.sink != nil:
		fmt.Fprintf(&b, " -> %s@%d", c.sink.Word, c.sink.At)
	case c.fan != nil:
		b.WriteString(c.fan.tree())
		for i := range c.fan.branches {
			fmt.Fprintf(&b, " (%s)", strings.TrimSpace(c.fan.branches[i].tree()))
		}
		if c.fan.goesOn {
			b.WriteString("...")
		}
	}
	return b.String()
}

func (s *Step) tree() string {
	var t strings.Builder
	fmt.Fprintf(&t, " -> %s@%d", s.name.text, s.name.at)
	for _, a := range s.args {
		fmt.Fprintf(&t, " %s@%d", a.text, a.at)
	}
	return t.String()
}
