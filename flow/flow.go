package flow

// A Flow is a flow whose words have been parsed and checked: every name is known, every option has
// a valid value. It is immutable, and can be built any number of times, also concurrently.
type Flow struct {
	words  []string // unchanged
	source Endpoint
	chain  chain
}

// A chain leads from a source, or from the bracket of a branch, to its end: a sink or a fan-out. The
// chain of a flow without a sink has neither.
type chain struct {
	steps []Step
	sink  *Endpoint
	fan   *fan
}

// A fan is a fan-out with its branches. What follows it in its chain is the last branch.
type fan struct {
	Step
	branches []chain
	goesOn   bool // the last branch follows a !, and is not in brackets
}

// A Step is a stage or a fan-out in a flow, with its options.
type Step struct {
	Element *Element
	Values  Values

	name word
	args []word
}

// A word is a word of a flow, and its index among all of them.
type word struct {
	text string
	at   int
}

// An Endpoint is the source or a sink of a flow.
type Endpoint struct {
	Word    string // as it was written
	At      int    // the index of the word in the flow
	Element *Element
}

// File returns the local file that the endpoint names, "" if it names none.
func (e Endpoint) File() (string, error) {
	if e.Element.File == nil {
		return "", nil
	}
	return e.Element.File(e.Word)
}

// FileName returns the name that the stream of a source would have as a file, "" if it has none.
func (e Endpoint) FileName() string {
	if e.Element.FileName == nil {
		return ""
	}
	return e.Element.FileName(e.Word)
}

// Shown returns the endpoint's word without secrets.
func (e Endpoint) Shown() string {
	if e.Element.Shown == nil {
		return e.Word
	}
	return e.Element.Shown(e.Word)
}

// Source returns the source of the flow.
func (f *Flow) Source() Endpoint { return f.source }

// Sinks returns the sinks in the order in which they were written.
func (f *Flow) Sinks() []Endpoint { return f.chain.sinks() }

func (c *chain) sinks() []Endpoint {
	switch {
	case c.sink != nil:
		return []Endpoint{*c.sink}
	case c.fan == nil:
		return nil
	}
	var all []Endpoint
	for i := range c.fan.branches {
		all = append(all, c.fan.branches[i].sinks()...)
	}
	return all
}

// Steps returns the stages of the flow's chain, up to its sink or fan-out.
func (f *Flow) Steps() []Step { return f.chain.steps }

// Error returns an error at an endpoint of the flow, for a check that a program makes itself.
func (f *Flow) Error(at Endpoint, message, hint string) *Error {
	return &Error{Words: f.words, At: at.At, Message: message, Hint: hint}
}

// Words returns the words of the flow, without the secrets in its sources and sinks.
func (f *Flow) Words() []string {
	return f.chain.print([]string{f.source.Shown()})
}

func (c *chain) print(words []string) []string {
	for i := range c.steps {
		words = c.steps[i].print(words)
	}
	switch {
	case c.sink != nil:
		return append(mark(words), c.sink.Shown())
	case c.fan == nil:
		return words
	}
	words = c.fan.print(words)
	for i := range c.fan.branches {
		if c.fan.goesOn && i == len(c.fan.branches)-1 {
			return c.fan.branches[i].print(words)
		}
		words = append(c.fan.branches[i].print(append(words, "[")), "]")
	}
	return words
}

func (s *Step) print(words []string) []string {
	words = append(mark(words), s.name.text)
	for _, a := range s.args {
		words = append(words, a.text)
	}
	return words
}

// mark adds the ! in front of an element, unless it is the first one in its bracket.
func mark(words []string) []string {
	if words[len(words)-1] == "[" {
		return words
	}
	return append(words, "!")
}
