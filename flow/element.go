package flow

import (
	"fmt"
	"strings"

	"github.com/weirflow/weir/pipeline"
)

// An Element is something that a flow can name: a source, a stage, a sink or a fan-out. Its fields
// describe it completely; nothing is derived from its name. An
// element must not be changed after it has been added to a [Registry].
type Element struct {
	// Name is the name of a stage or a fan-out, such as gzip; for a
	// source or a sink it is [Path], [Stdio], or the scheme of its URLs with the colon, such as http:.
	Name    string
	Doc     string   // what it does, in one line without a full stop
	Example string   // a whole flow that uses it
	Options []Option // of a stage or a fan-out

	// Exactly one of these is set, and determines the element's role. They are called while a flow is
	// built, and return descriptions: they open nothing and start nothing. The word is that of the source or
	// sink in the flow, unchanged. An error becomes an [*Error] at the element's word, with its hint if
	// it is an *Error itself.
	Source func(b *Build, word string) (pipeline.Source, error)
	Stage  func(b *Build, v Values) (pipeline.Stage, error)
	Sink   func(b *Build, word string) (pipeline.Sink, error)
	FanOut func(b *Build, v Values, branches []pipeline.Sink) (pipeline.Sink, error)

	Keeps   bool                  // a stage whose output is its input, byte for byte
	Pure    bool                  // a stage that reads and writes nothing but its stream
	Codec   *Codec                // a stage that encodes or decodes
	Content func(Content) Content // derives what is known about a stage's output; nil: see [Flow.Content]

	Stdio   bool // standard input or output of the process, of which there is one
	Network bool // a source or a sink on another machine
	Late    bool // a sink whose last step may well fail, such as an upload: it publishes before the others

	// File returns the local file that the word of a source or a sink names. Nil: it names none.
	File func(word string) (path string, err error)
	// FileName returns the name that the stream of a source would have as a file: a path or a name,
	// "" if it has none. Nil: it never has one.
	FileName func(word string) string
	// Shown returns the word of a source or a sink without its secrets, for logs. Nil: it has no secrets.
	Shown func(word string) string
}

// The names of the sources and sinks that are not URLs.
const (
	Stdio = "-"    // standard input and output
	Path  = "PATH" // every other word
)

// A Role is what an element can be in a flow.
type Role string

// The roles. Their values appear in messages.
const (
	SourceRole Role = "source"
	StageRole  Role = "stage"
	SinkRole   Role = "sink"
	FanOutRole Role = "fan-out"
)

// Role returns the role of the element.
func (e *Element) Role() Role {
	switch {
	case e.Source != nil:
		return SourceRole
	case e.Sink != nil:
		return SinkRole
	case e.FanOut != nil:
		return FanOutRole
	}
	return StageRole
}

// check returns an error if the element is incomplete or inconsistent.
func (e *Element) check() error {
	roles := 0
	for _, set := range []bool{e.Source != nil, e.Stage != nil, e.Sink != nil, e.FanOut != nil} {
		if set {
			roles++
		}
	}
	scheme, isURL := strings.CutSuffix(e.Name, ":")
	switch {
	case roles != 1:
		return fmt.Errorf("flow: element %q has %d of Source, Stage, Sink and FanOut: want one", e.Name, roles)
	case e.named() && (e.Name == "" || isMark(e.Name) || strings.ContainsAny(e.Name, " \t\n=!:")):
		return fmt.Errorf("flow: %q is not a name for a %s: want a word", e.Name, e.Role())
	case !e.named() && e.Name != Path && e.Name != Stdio && !(isURL && isScheme(scheme)):
		return fmt.Errorf("flow: %q is not a name for a %s: want %s, %s, or a scheme in lower case and a colon", e.Name, e.Role(), Path, Stdio)
	case !e.named() && len(e.Options) > 0:
		return fmt.Errorf("flow: %s %s has options: only stages and fan-outs do", e.Role(), e.Name)
	}
	for i := range e.Options {
		if err := e.Options[i].check(); err != nil {
			return fmt.Errorf("flow: %s %s: %w", e.Role(), e.Name, err)
		}
	}
	return nil
}

// named reports whether flows refer to the element by its name, as they do to stages and fan-outs;
// sources and sinks are found by the form of their words.
func (e *Element) named() bool { return e.Source == nil && e.Sink == nil }

// Signature returns the name of the element with its options and their types: gzip [level=N].
func (e *Element) Signature() string {
	words := []string{e.Name}
	for _, o := range e.Options {
		w := o.Name + "=" + o.Type.Name
		if !o.Required {
			w = "[" + w + "]"
		}
		words = append(words, w)
	}
	if e.FanOut != nil {
		words = append(words, "[ … ! SINK ] …")
	}
	return strings.Join(words, " ")
}

// usage returns the element with examples of its options, the required ones first.
func (e *Element) usage() string {
	words := []string{e.Name}
	for _, required := range []bool{true, false} {
		for _, o := range e.Options {
			if o.Required == required {
				words = append(words, o.Name+"="+o.Example)
			}
		}
	}
	return strings.Join(words, " ")
}

// Facts returns short phrases for the fields that Doc does not cover.
func (e *Element) Facts() []string {
	var facts []string
	for _, f := range []struct {
		is   bool
		fact string
	}{
		{e.Keeps, "its output is its input, byte for byte"},
		{e.Pure, "reads and writes nothing but its stream"},
		{e.Stdio, "there is one in a process"},
		{e.Network, "on the network"},
		{e.Late, "in a tee it completes before the other branches do"},
	} {
		if f.is {
			facts = append(facts, f.fact)
		}
	}
	if e.Codec != nil {
		facts = append(facts, e.Codec.String())
	}
	return facts
}
