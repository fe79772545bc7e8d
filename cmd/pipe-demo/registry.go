package main

import (
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
)

// An element is something that a flow can name. Checks, lists, help and completion are all read from its fields.
type element struct {
	role    role
	name    string // what is written: gzip, PATH, -, http:
	doc     string // one line
	options []option
	example string // a flow that uses it
	keeps   bool   // a stage whose output is its input, byte for byte
	codec   bool   // a stage that compresses or decompresses
	network bool   // a source or a sink on another machine: not looked at beforehand; a sink's last step can fail late

	source func(*build, string) (pipeline.Source, error)
	stage  func(*build, values) pipeline.Stage
	sink   func(*build, string) (pipeline.Sink, error)
}

type role string

const (
	sourceRole role = "source"
	stageRole  role = "stage"
	sinkRole   role = "sink"
)

// usage is the element with its options, the needed ones first, as one would write it.
func (e *element) usage() string {
	words := []string{e.name}
	for _, needed := range []bool{true, false} {
		for _, o := range e.options {
			if o.needed == needed {
				words = append(words, o.name+"="+o.example)
			}
		}
	}
	if e.name == "tee" {
		words = append(words, "[ … ! SINK ]", "…")
	}
	return strings.Join(words, " ")
}

// signature is the element with its options and what they take: gzip [level=N].
func (e *element) signature() string {
	words := []string{e.name}
	for _, o := range e.options {
		w := o.name + "=" + o.kind.name
		if !o.needed {
			w = "[" + w + "]"
		}
		words = append(words, w)
	}
	if e.name == "tee" {
		words = append(words, "[ … ! SINK ] …")
	}
	return strings.Join(words, " ")
}

// optionHint names the option that was meant, or all there are.
func (e *element) optionHint(key string) string {
	if len(e.options) == 0 {
		return e.name + " has no options"
	}
	names := make([]string, len(e.options))
	for i, o := range e.options {
		names[i] = o.name + "=" + o.kind.name
	}
	if hint := text.DidYouMean(key, e.optionNames()); hint != "" {
		return hint
	}
	return e.name + " takes " + strings.Join(names, " ")
}

func (e *element) optionNames() []string {
	names := make([]string, len(e.options))
	for i, o := range e.options {
		names[i] = o.name
	}
	return names
}

// describe writes all that is known of an element.
func (e *element) describe(w io.Writer) {
	fmt.Fprintf(w, "Example:\n  pipe-demo run %s\n\n%s %s\n  %s\n", e.example, e.role, e.signature(), e.doc)
	if len(e.options) == 0 {
		return
	}
	fmt.Fprintln(w)
	for _, o := range e.options {
		more := ""
		switch {
		case o.needed:
			more = ", needed"
		case o.byDef != "":
			more = ", default " + o.byDef
		}
		fmt.Fprintf(w, "option %s=%s%s\n  %s\n  takes %s\n", o.name, o.kind.name, more, o.doc, o.kind.takes)
	}
}

// elementsOf returns the elements with a role, in the order of the table.
func elementsOf(r role) []*element {
	var found []*element
	for _, e := range elements {
		if e.role == r {
			found = append(found, e)
		}
	}
	return found
}

// elementNamed finds an element by the name in the list. A name that is a source and a sink gives both.
func elementNamed(name string) []*element {
	var found []*element
	for _, e := range elements {
		if e.name == name || strings.EqualFold(e.name, name+":") {
			found = append(found, e)
		}
	}
	return found
}

func stageNamed(name string) *element {
	for _, e := range elements {
		if e.role == stageRole && e.name == name {
			return e
		}
	}
	return nil
}

func elementNames(roles ...role) []string {
	var names []string
	for _, e := range elements {
		if slices.Contains(roles, e.role) && !slices.Contains(names, e.name) {
			names = append(names, e.name)
		}
	}
	return names
}

// endpoint finds the element behind a source or a sink as it was written: "-", a URL by its scheme, else a path.
func endpoint(r role, w word) (*element, *flowError) {
	name := "PATH"
	scheme, isURL := schemeOf(w.text)
	switch {
	case w.text == "":
		return nil, &flowError{at: w.at, msg: fmt.Sprintf("the %s is an empty word", r), hint: "a variable that is not set?"}
	case strings.ContainsRune(w.text, 0):
		return nil, &flowError{at: w.at, msg: fmt.Sprintf("the %s has a NUL byte in its name", r)}
	case w.text == "-":
		name = "-"
	case isURL:
		name = scheme + ":"
	}
	var schemes []string
	for _, e := range elementsOf(r) {
		if e.name == name {
			return e, nil
		}
		if s, ok := strings.CutSuffix(e.name, ":"); ok {
			schemes = append(schemes, s)
		}
	}
	known := fmt.Sprintf("a %s by URL has the scheme %s", r, text.OrList(schemes))
	if near := text.DidYouMean(scheme, schemes); near != "" && !slices.Contains(elementNames(sourceRole, sinkRole), name) {
		known = near
	}
	return nil, &flowError{at: w.at, msg: fmt.Sprintf("unknown scheme %q for a %s", scheme, r), hint: known}
}

// schemeOf splits off the scheme of a URL. A word is a URL when :// follows the scheme, or when the scheme is one that
// elements have. One letter is no scheme but a drive.
func schemeOf(w string) (string, bool) {
	scheme, rest, ok := strings.Cut(w, ":")
	if !ok || len(scheme) < 2 {
		return "", false
	}
	for i, r := range scheme {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", r)) {
			return "", false
		}
	}
	scheme = strings.ToLower(scheme)
	return scheme, strings.HasPrefix(rest, "//") || slices.Contains(elementNames(sourceRole, sinkRole), scheme+":")
}

// shown is a source or a sink as it may stand in logs: a URL without its password and its query.
func shown(w string) string {
	if scheme, isURL := schemeOf(w); !isURL || scheme == "file" {
		return w
	}
	u, err := url.Parse(w)
	if err != nil {
		return w
	}
	if u.RawQuery != "" {
		u.RawQuery = "…"
	}
	return u.Redacted()
}

// allShown are the words of a flow as they may stand in logs.
func allShown(words []string) []string {
	safe := make([]string, len(words))
	for i, w := range words {
		safe[i] = shown(w)
	}
	return safe
}

// localPath gives the path that a word names: a path itself, or a file: URL's (RFC 8089; file:NAME is relative).
func localPath(w string) (string, error) {
	scheme, ok := schemeOf(w)
	if !ok || scheme != "file" {
		return w, nil
	}
	rest := w[len("file:"):]
	if host, ok := strings.CutPrefix(rest, "//"); ok {
		slash := strings.IndexByte(host, '/')
		if slash < 0 {
			return "", fmt.Errorf("file URL without a path; write file:NAME or file:///PATH")
		}
		if h := host[:slash]; h != "" && h != "localhost" {
			return "", fmt.Errorf("file URL with the host %q: only files of this machine", h)
		}
		rest = host[slash:]
	}
	path, err := url.PathUnescape(rest)
	if err != nil {
		return "", fmt.Errorf("file URL with a broken %%-escape")
	}
	if path == "" {
		return "", fmt.Errorf("file URL without a path; write file:NAME or file:///PATH")
	}
	return filepath.FromSlash(path), nil
}
