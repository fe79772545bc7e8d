package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/weirflow/weir/internal/text"
)

// An option is a key=value that an element takes.
type option struct {
	name    string
	doc     string
	kind    kind
	byDef   string // the value when it is left out, as it would be written; "" when it has none
	needed  bool   // the element does nothing without it
	example string // a value to show
}

// A kind is what an option's value may be.
type kind struct {
	name  string // for lists: SIZE, N, …
	takes string // ends the sentence "it takes …"
	words []string
	parse func(string) (any, error)
}

var (
	sizeKind = kind{name: "SIZE", takes: "a number of bytes such as 4096, 64k, 1M or 1.5GiB",
		parse: func(s string) (any, error) { return asAny(text.ParseSize(s)) }}
	rateKind = kind{name: "RATE", takes: "bytes per second such as 500k or 10M",
		parse: func(s string) (any, error) { return asAny(text.ParseRate(s)) }}
	textKind = kind{name: "TEXT", takes: "any text", parse: func(s string) (any, error) { return s, nil }}
)

// positiveSize is a size that must not be zero, and not be past most.
func positiveSize(most int64) kind {
	k := sizeKind
	k.takes = "1 byte to " + text.Size(most) + ", such as 64k"
	k.parse = func(s string) (any, error) {
		n, err := text.ParseSize(s)
		if err == nil && (n < 1 || n > most) {
			err = fmt.Errorf("%s is out of range", text.Size(n))
		}
		return n, err
	}
	return k
}

// wholeNumber is a number from least to most.
func wholeNumber(least, most int) kind {
	return kind{name: "N", takes: fmt.Sprintf("a whole number from %d to %d", least, most), parse: func(s string) (any, error) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil, fmt.Errorf("that is no whole number")
		}
		if n < least || n > most {
			return nil, fmt.Errorf("%d is out of range", n)
		}
		return n, nil
	}}
}

// oneOf is one of a few words.
func oneOf(words ...string) kind {
	return kind{name: "NAME", takes: text.OrList(words), words: words, parse: func(s string) (any, error) {
		if !slices.Contains(words, s) {
			return nil, fmt.Errorf("that is not known")
		}
		return s, nil
	}}
}

func asAny(n int64, err error) (any, error) { return n, err }

// values are the options of one element, parsed, defaults filled in.
type values map[string]any

func (v values) size(name string) int64  { n, _ := v[name].(int64); return n }
func (v values) number(name string) int  { n, _ := v[name].(int); return n }
func (v values) text(name string) string { s, _ := v[name].(string); return s }

// given says that the option was written down, or has a default.
func (v values) given(name string) bool { _, ok := v[name]; return ok }

// parseOptions reads the words behind a stage's name. The error is a *flowError without its words.
func parseOptions(e *element, s step) (values, *flowError) {
	v := values{}
	for _, a := range s.args {
		key, got, ok := strings.Cut(a.text, "=")
		if !ok {
			msg := fmt.Sprintf("%s: %q is no option: an option is written key=value", e.name, a.text)
			hint := e.optionHint(key)
			if strings.HasPrefix(key, "--") {
				hint = flagsFirst
			}
			return nil, &flowError{at: a.at, msg: msg, hint: hint}
		}
		i := slices.IndexFunc(e.options, func(o option) bool { return o.name == key })
		if i < 0 {
			return nil, &flowError{at: a.at, msg: fmt.Sprintf("%s has no option %q", e.name, key), hint: e.optionHint(key)}
		}
		if v.given(key) {
			return nil, &flowError{at: a.at, msg: fmt.Sprintf("%s: option %s is given twice", e.name, key)}
		}
		o := e.options[i]
		value, err := o.kind.parse(got)
		if err != nil {
			hint := text.DidYouMean(got, o.kind.words)
			if bare, ok := strings.CutSuffix(got, "!"); ok {
				hint = fmt.Sprintf("! is a word of its own: write %s=%s !", key, bare)
			}
			return nil, &flowError{at: a.at, msg: fmt.Sprintf("%s: option %s got %q and takes %s: %v", e.name, key, got, o.kind.takes, err), hint: hint}
		}
		v[key] = value
	}
	for _, o := range e.options {
		switch {
		case v.given(o.name):
		case o.needed:
			msg := fmt.Sprintf("%s needs its option %s: %s", e.name, o.name, o.kind.takes)
			return nil, &flowError{at: s.name.at, msg: msg, hint: fmt.Sprintf("for example: %s", e.usage())}
		case o.byDef != "":
			value, err := o.kind.parse(o.byDef)
			if err != nil {
				panic("the default of " + e.name + " " + o.name + ": " + err.Error())
			}
			v[o.name] = value
		}
	}
	return v, nil
}
