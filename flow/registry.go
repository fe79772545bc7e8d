package flow

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weirflow/weir/pipeline"
)

// A Registry has the elements that flows can name. The zero Registry is empty. Its methods, except
// Add, may be called concurrently.
type Registry struct {
	// Hint is the hint of the error for an unknown name that resembles no known one, such as
	// "pipe-demo list shows all of them".
	Hint string

	elements []*Element
}

// Add adds elements. If one is incomplete, or has the name of another one, it fails and adds none
// of them. A source and a sink may have the same name.
func (r *Registry) Add(elements ...*Element) error {
	all := r.elements[:len(r.elements):len(r.elements)]
	for _, e := range elements {
		if err := e.check(); err != nil {
			return err
		}
		for _, other := range all {
			if other.Name == e.Name && (other.Role() == e.Role() || other.named() && e.named()) {
				return fmt.Errorf("flow: there are two elements named %s: a %s and a %s", e.Name, other.Role(), e.Role())
			}
		}
		all = append(all, e)
	}
	r.elements = all
	return nil
}

// Elements returns all elements in the order in which they were added.
func (r *Registry) Elements() []*Element { return slices.Clone(r.elements) }

// Lookup returns the elements with a name: both, if it is that of a source and of a sink. The colon
// of a scheme may be omitted.
func (r *Registry) Lookup(name string) []*Element {
	var found []*Element
	for _, e := range r.elements {
		if e.Name == name || e.Name == strings.ToLower(name)+":" {
			found = append(found, e)
		}
	}
	return found
}

// Names returns the names of the elements with one of the roles, each once.
func (r *Registry) Names(roles ...Role) []string {
	var names []string
	for _, e := range r.elements {
		if slices.Contains(roles, e.Role()) && !slices.Contains(names, e.Name) {
			names = append(names, e.Name)
		}
	}
	return names
}

// named returns the stage or the fan-out with a name, or nil.
func (r *Registry) named(name string) *Element {
	for _, e := range r.elements {
		if e.named() && e.Name == name {
			return e
		}
	}
	return nil
}

// Codec returns the codec whose magic is the start of head, nil if there is none.
func (r *Registry) Codec(head []byte) *Codec {
	for _, e := range r.elements {
		if c := e.Codec; c != nil && c.Magic != "" && strings.HasPrefix(string(head[:min(len(head), len(c.Magic))]), c.Magic) {
			return c
		}
	}
	return nil
}

// Endpoint returns the source or the sink that a word stands for: by [Stdio], by the scheme of a
// URL, else by [Path]. The error is an [*Error].
func (r *Registry) Endpoint(role Role, word string) (Endpoint, error) {
	e := Endpoint{Word: word}
	if err := (&resolver{r, []string{word}}).endpoint(role, &e); err != nil {
		return Endpoint{}, err
	}
	return e, nil
}

// Parse parses and checks a flow: SOURCE ! STAGE key=value ! SINK. The words are those of a command
// line, in which the marks ! [ ] are separate words. It opens nothing and does not check whether files exist.
// The error is an [*Error].
func (r *Registry) Parse(words ...string) (*Flow, error) { return r.parse(r.parser(words)) }

// ParseSource parses and checks a flow without a sink, for a program that has a sink of its own:
// SOURCE ! STAGE key=value. The error is an [*Error].
func (r *Registry) ParseSource(words ...string) (*Flow, error) {
	p := r.parser(words)
	p.noSink = true
	return r.parse(p)
}

func (r *Registry) parser(words []string) *parser {
	words = slices.Clone(words)
	return &parser{words: words, fanOuts: r.Names(FanOutRole), escape: r.fileScheme()}
}

// fileScheme returns the scheme of URLs for files, "" if there is none.
func (r *Registry) fileScheme() string {
	for _, e := range r.elements {
		if !e.named() && e.File != nil && strings.HasSuffix(e.Name, ":") {
			return e.Name
		}
	}
	return ""
}

func (r *Registry) parse(p *parser) (*Flow, error) {
	f, err := p.flow()
	if err != nil {
		return nil, err
	}
	res := &resolver{r, p.words}
	if err := res.flow(f); err != nil {
		return nil, err
	}
	return f, nil
}

// Stage returns the stage that a string of configuration describes: one stage, or several with !
// between them. Words are separated by white space, except inside quotes, ' or ". Results of the
// stages, such as digests, are discarded. The error is an [*Error].
func (r *Registry) Stage(config string) (pipeline.Stage, error) {
	words, err := split(config)
	if err != nil {
		return pipeline.Stage{}, &Error{Words: []string{config}, Message: err.Error()}
	}
	p := r.parser(words)
	p.noSink = true
	if len(words) == 0 {
		return pipeline.Stage{}, p.fail(0, "the stage is missing: there are no words", r.Hint)
	}
	c, fe := p.chain(-1)
	if fe == nil {
		fe = (&resolver{r, words}).chain(c)
	}
	if fe != nil {
		return pipeline.Stage{}, fe
	}
	b := newBuild(&Flow{words: words, chain: *c}, BuildOptions{})
	stage, fe := b.steps(c)
	if fe != nil {
		return pipeline.Stage{}, fe
	}
	return stage, nil
}

// split splits a line into words.
func split(line string) ([]string, error) {
	var words []string
	var w strings.Builder
	var quote rune // the one that is open
	inWord := false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			w.WriteRune(c)
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case strings.ContainsRune(" \t\r\n", c):
			if inWord {
				words = append(words, w.String())
				w.Reset()
			}
			inWord = false
		default:
			w.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if inWord {
		words = append(words, w.String())
	}
	return words, nil
}
