package flow

import (
	"slices"
	"strings"
)

// A Completion has the words that may come next in a flow.
type Completion struct {
	Words   []Suggestion
	Files   bool // the name of a file is possible, too
	NoSpace bool // a suggestion is not the end of the word
}

// A Suggestion is a word with a line of documentation, which may be empty.
type Suggestion struct{ Word, Doc string }

// Complete returns the completions of part, the word that follows the words of a flow.
func (r *Registry) Complete(words []string, part string) Completion {
	if len(words) == 0 {
		return Completion{Files: true}
	}
	start := 0 // of the element that the word belongs to
	for i, w := range words {
		if isMark(w) {
			start = i + 1
		}
	}
	element := words[start:]
	switch {
	case words[len(words)-1] == "]":
		return suggest("!", "[", "]")
	case start == 0:
		return suggest("!")
	case len(element) == 0:
		c := Completion{Files: true}
		for _, e := range r.elements {
			if e.named() {
				c.Words = append(c.Words, Suggestion{e.Name, e.Doc})
			}
		}
		return c
	}
	e := r.named(element[0])
	if e == nil {
		return suggest("]")
	}
	if key, _, ok := strings.Cut(part, "="); ok {
		if i := slices.IndexFunc(e.Options, func(o Option) bool { return o.Name == key }); i >= 0 {
			values := e.Options[i].Type.Words
			if values == nil {
				values = []string{e.Options[i].Example}
			}
			var words []string
			for _, v := range values {
				words = append(words, key+"="+v)
			}
			return suggest(words...)
		}
	}
	c := suggest("!")
	if e.FanOut != nil {
		c = suggest("[")
	}
	for _, o := range e.Options {
		c.Words = append(c.Words, Suggestion{o.Name + "=", o.Doc})
	}
	c.NoSpace = len(e.Options) > 0
	return c
}

func suggest(words ...string) Completion {
	var c Completion
	for _, w := range words {
		c.Words = append(c.Words, Suggestion{Word: w})
	}
	return c
}
