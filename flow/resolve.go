package flow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirflow/weir/internal/text"
)

// A resolver finds the elements behind the names of a parsed flow, and checks their options.
type resolver struct {
	reg   *Registry
	words []string
}

func (r *resolver) fail(at int, msg, hint string) *Error {
	return &Error{Words: r.words, At: at, Message: msg, Hint: hint}
}

func (r *resolver) flow(f *Flow) *Error {
	if r.reg.named(f.source.Word) != nil {
		return r.fail(f.source.At, fmt.Sprintf("the source is missing: the flow starts with the stage %s", f.source.Word),
			"a file of that name is ./"+f.source.Word)
	}
	if err := r.endpoint(SourceRole, &f.source); err != nil {
		return err
	}
	return r.chain(&f.chain)
}

func (r *resolver) chain(c *chain) *Error {
	for i := range c.steps {
		if err := r.step(&c.steps[i]); err != nil {
			return err
		}
	}
	switch {
	case c.sink != nil && r.reg.named(c.sink.Word) != nil:
		return r.fail(c.sink.At, fmt.Sprintf("the sink is missing: the chain ends with the stage %s", c.sink.Word),
			fmt.Sprintf("add ! and a path, - or a URL; a file of that name is ./%s", c.sink.Word))
	case c.sink != nil:
		return r.endpoint(SinkRole, c.sink)
	case c.fan == nil:
		return nil
	}
	if err := r.step(&c.fan.Step); err != nil {
		return err
	}
	for i := range c.fan.branches {
		if err := r.chain(&c.fan.branches[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *resolver) step(s *Step) (err *Error) {
	if s.Element = r.reg.named(s.name.text); s.Element == nil {
		return r.unknown(s.name)
	}
	s.Values, err = r.parseOptions(s)
	return err
}

func (r *resolver) unknown(name word) *Error {
	_, isURL := r.scheme(name.text)
	fanOuts := r.reg.Names(FanOutRole)
	hint := text.DidYouMean(name.text, r.reg.Names(StageRole, FanOutRole))
	switch {
	case hint != "":
	case isURL || name.text == Stdio || strings.ContainsAny(name.text, `./\`):
		hint = "only the last element of a chain is a sink"
		if name.at == len(r.words)-1 {
			hint = "this flow ends before its sink: leave it out"
		} else if len(fanOuts) > 0 {
			hint += fmt.Sprintf("; to write to %s on the way: %s [ %s ]", name.text, fanOuts[0], text.QuoteWord(name.text))
		}
	case strings.Contains(name.text, "="):
		hint = "an option follows its element, without a ! between them"
	default:
		hint = r.reg.Hint
	}
	return r.fail(name.at, fmt.Sprintf("unknown stage %q", name.text), hint)
}

// endpoint finds the element behind a source or a sink.
func (r *resolver) endpoint(role Role, e *Endpoint) *Error {
	name := Path
	scheme, isURL := r.scheme(e.Word)
	switch {
	case e.Word == "":
		return r.fail(e.At, fmt.Sprintf("the %s is an empty word", role), "a variable that is not set?")
	case strings.ContainsRune(e.Word, 0):
		return r.fail(e.At, fmt.Sprintf("the %s has a NUL byte in its name", role), "")
	case e.Word == Stdio:
		name = Stdio
	case isURL:
		name = scheme + ":"
	}
	var schemes []string
	for _, el := range r.reg.elements {
		if el.Role() != role {
			continue
		}
		if el.Name == name {
			e.Element = el
			return nil
		}
		if s, ok := strings.CutSuffix(el.Name, ":"); ok {
			schemes = append(schemes, s)
		}
	}
	if !isURL {
		return r.fail(e.At, fmt.Sprintf("there is no %s for %s", role, name), "")
	}
	hint := text.DidYouMean(scheme, schemes)
	if hint == "" || r.reg.hasEndpoint(name) {
		hint = fmt.Sprintf("a %s by URL has the scheme %s", role, text.OrList(schemes))
	}
	return r.fail(e.At, fmt.Sprintf("unknown scheme %q for a %s", scheme, role), hint)
}

func (r *Registry) hasEndpoint(name string) bool {
	return slices.ContainsFunc(r.elements, func(e *Element) bool { return !e.named() && e.Name == name })
}

// scheme returns the scheme of a URL, in lower case. A word is a URL when :// follows the scheme,
// or when the scheme is one that elements have.
func (r *resolver) scheme(w string) (scheme string, isURL bool) {
	scheme, rest, ok := strings.Cut(w, ":")
	scheme = strings.ToLower(scheme)
	if !ok || !isScheme(scheme) {
		return "", false
	}
	return scheme, strings.HasPrefix(rest, "//") || r.reg.hasEndpoint(scheme+":")
}

// isScheme reports whether s is a valid scheme of a URL (RFC 3986 §3.1), in lower case. One letter is
// not: it is a drive.
func isScheme(s string) bool {
	for i, c := range s {
		if letter := c >= 'a' && c <= 'z'; !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", c)) {
			return false
		}
	}
	return len(s) > 1
}
