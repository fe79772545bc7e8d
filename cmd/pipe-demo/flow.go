package main

// A flow is what stands behind `run`, as a tree. It knows the grammar and nothing about the elements.
type flow struct {
	words  []string // as they were given; every word's at is an index into them
	source word
	chain  chain
}

// A chain leads from a source, or from a branch's bracket, to its end: a sink, or a tee.
type chain struct {
	stages []step
	sink   *word // one of sink and tee is nil
	tee    *fork
}

// A step is a stage by name, with its options as they were written.
type step struct {
	name word
	args []word
}

// A fork is a tee with its branches. What the chain goes on with after the tee is one more branch.
type fork struct {
	name     word
	branches []chain
	rest     *chain // nil when the chain ends with the tee
}

// A word is a word of the command line and its place among the flow's words.
type word struct {
	text string
	at   int
}

// all returns the branches in the order in which they were written.
func (f *fork) all() []chain {
	if f.rest == nil {
		return f.branches
	}
	return append(f.branches[:len(f.branches):len(f.branches)], *f.rest)
}

// print gives the words that parse to this flow.
func (f *flow) print() []string {
	return f.chain.print([]string{f.source.text})
}

func (c *chain) print(words []string) []string {
	for _, s := range c.stages {
		if len(words) > 0 && words[len(words)-1] != "[" {
			words = append(words, "!")
		}
		words = append(words, s.name.text)
		for _, a := range s.args {
			words = append(words, a.text)
		}
	}
	if words[len(words)-1] != "[" {
		words = append(words, "!")
	}
	if c.sink != nil {
		return append(words, c.sink.text)
	}
	words = append(words, c.tee.name.text)
	for i := range c.tee.branches {
		words = append(words, "[")
		words = append(c.tee.branches[i].print(words), "]")
	}
	if c.tee.rest != nil {
		words = c.tee.rest.print(words)
	}
	return words
}
