package flow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirflow/weir/internal/text"
)

// A parser parses words by the grammar. Of the elements it knows only the names of the fan-outs,
// which brackets may follow.
type parser struct {
	words   []string
	pos     int
	fanOuts []string // their names
	noSink  bool     // the chain ends with a stage
	escape  string   // the scheme for a file with a ! in its name; "" if there is none
}

// Messages and hints that several errors have.
const (
	flagsFirst = "flags go before the flow"
	aSource    = "a source is a path, - or a URL"
	aSink      = "a sink is a path, - or a URL"
	aBranch    = "a branch ends in a sink: [ copy.bin ]"
	everyMark  = "every [ needs its ]"
)

// flow parses all words.
func (p *parser) flow() (*Flow, *Error) {
	f := &Flow{words: p.words}
	if len(p.words) == 0 {
		return nil, p.fail(0, "the flow is empty", "a flow is "+p.form())
	}
	source := p.run()
	switch {
	case len(source) == 0 && p.words[0] == "!":
		return nil, p.fail(0, "the source is missing: there is no word before the first !", aSource)
	case len(source) == 0:
		return nil, p.fail(0, fmt.Sprintf("a flow starts with a source, not with %s", p.words[0]), aSource)
	}
	if err := p.glued(source); err != nil {
		return nil, err
	}
	f.source = Endpoint{Word: source[0].text}
	switch {
	case len(source) > 1:
		return nil, p.fail(source[1].at, fmt.Sprintf("a source is one word, and %q is followed by %q", source[0].text, source[1].text),
			"! goes between two elements; a name with spaces needs quotes")
	case p.atEnd() && p.noSink:
		return f, nil
	case p.atEnd() && strings.Contains(source[0].text, "!"):
		return nil, p.fail(p.pos, "the sink is missing: the flow ends after its source",
			"! is a separate word: leave out the quotes around the flow and put spaces around each !")
	case p.atEnd():
		return nil, p.fail(p.pos, "the sink is missing: the flow ends after its source", "a flow is "+p.form()+", and "+aSink)
	case p.next() != "!":
		return nil, p.bracket(p.next())
	}
	p.pos++
	c, err := p.chain(-1)
	if err != nil {
		return nil, err
	}
	f.chain = *c
	return f, nil
}

func (p *parser) form() string {
	if p.noSink {
		return "SOURCE ! STAGE"
	}
	return "SOURCE ! STAGE ! SINK"
}

func (p *parser) fail(at int, msg, hint string) *Error {
	return &Error{Words: p.words, At: at, Message: msg, Hint: hint}
}

// next returns the next word, "" at the end.
func (p *parser) next() string {
	if p.atEnd() {
		return ""
	}
	return p.words[p.pos]
}

func (p *parser) atEnd() bool { return p.pos == len(p.words) }

// run consumes the words up to the next !, [ or ].
func (p *parser) run() []word {
	var run []word
	for ; !p.atEnd() && !isMark(p.words[p.pos]); p.pos++ {
		run = append(run, word{p.words[p.pos], p.pos})
	}
	return run
}

func isMark(w string) bool { return w == "!" || w == "[" || w == "]" }

func (p *parser) isFanOut(name string) bool {
	return slices.Contains(p.fanOuts, name)
}

// chain parses elements up to the end of the flow or, if open is the index of a [, up to its ].
func (p *parser) chain(open int) (*chain, *Error) {
	c := &chain{}
	for {
		start := p.pos
		run := p.run()
		if len(run) == 0 {
			return nil, p.empty(start, open)
		}
		if err := p.glued(run); err != nil {
			return nil, err
		}
		step := Step{name: run[0], args: run[1:]}
		if p.isFanOut(run[0].text) {
			return c, p.fanOut(c, step, open)
		}
		switch {
		case p.next() == "!":
			c.steps = append(c.steps, step)
			p.pos++
			continue
		case p.next() == "[":
			return nil, p.bracket("[")
		}
		if err := p.closed(open); err != nil {
			return nil, err
		}
		switch {
		case p.noSink:
			c.steps = append(c.steps, step)
			return c, nil
		case len(run) > 1:
			hint := aSink + ": one word; a name with spaces needs quotes"
			if strings.HasPrefix(run[1].text, "-") {
				hint = flagsFirst
			}
			return nil, p.fail(run[1].at, fmt.Sprintf("the sink is missing, or is more than one word: %q is followed by %q", run[0].text, run[1].text), hint)
		}
		c.sink = &Endpoint{Word: run[0].text, At: run[0].at}
		return c, nil
	}
}

// fanOut parses the branches of a fan-out, and the rest of the chain.
func (p *parser) fanOut(c *chain, step Step, open int) *Error {
	f := &fan{Step: step}
	name := step.name.text
	if p.noSink {
		return p.fail(step.name.at, fmt.Sprintf("a flow without a sink has no %s", name), "its stream has one reader")
	}
	for _, a := range step.args {
		if strings.Contains(a.text, "=") {
			continue
		}
		hint := aBranch
		if strings.HasPrefix(a.text, "[") {
			hint = "[ and ] are separate words: put spaces around them"
		}
		return p.fail(a.at, fmt.Sprintf("%s takes branches in brackets, and got %q", name, a.text), hint)
	}
	for p.next() == "[" {
		at := p.pos
		p.pos++
		b, err := p.chain(at)
		if err != nil {
			return err
		}
		f.branches = append(f.branches, *b)
		p.pos++ // the ], which chain has checked
	}
	if len(f.branches) == 0 {
		return p.fail(step.name.at, name+" has no branch", aBranch)
	}
	c.fan = f
	if p.next() == "!" {
		p.pos++
		rest, err := p.chain(open)
		if err != nil {
			return err
		}
		f.branches, f.goesOn = append(f.branches, *rest), true
		return nil
	}
	if !p.atEnd() && !isMark(p.next()) {
		return p.fail(p.pos, fmt.Sprintf("%q follows a branch of %s directly", p.next(), name),
			fmt.Sprintf("put a ! before it to continue after the %s, or [ ] around it for another branch", name))
	}
	return p.closed(open)
}

// closed checks that a chain ends at its bracket or, without one, at the end of the flow.
func (p *parser) closed(open int) *Error {
	switch {
	case open >= 0 && p.atEnd():
		hint := everyMark
		if w := p.words[len(p.words)-1]; strings.HasSuffix(w, "]") {
			hint = fmt.Sprintf("] is a separate word: write %s ]", text.QuoteWord(strings.TrimSuffix(w, "]")))
		}
		return p.fail(open, "this branch is not closed", hint)
	case open < 0 && p.next() == "]":
		return p.bracket("]")
	}
	return nil
}

// bracket returns the error for a misplaced bracket.
func (p *parser) bracket(mark string) *Error {
	if mark == "]" {
		return p.fail(p.pos, "] closes nothing", "every ] needs its [")
	}
	if len(p.fanOuts) == 0 {
		return p.fail(p.pos, "[ opens a branch, and no element has branches", "")
	}
	return p.fail(p.pos, fmt.Sprintf("[ opens a branch, and only %s has branches", text.OrList(p.fanOuts)), fmt.Sprintf("write: %s [ … ] [ … ]", p.fanOuts[0]))
}

// empty returns the error for an element without a word.
func (p *parser) empty(start, open int) *Error {
	end, hint := "the sink is missing", aSink
	if p.noSink {
		end, hint = "a stage is missing", "leave out the last !"
	}
	before := ""
	if start > 0 {
		before = p.words[start-1]
	}
	switch next := p.next(); {
	case p.atEnd() && before != "[":
		return p.fail(start, end+": the flow ends with !", hint)
	case p.atEnd():
		return p.fail(start-1, "this branch is not closed", everyMark)
	case next == "!" && before == "[":
		return p.fail(start, "a branch cannot start with !", "its input comes from the element before it: write [ out.bin ]")
	case next == "!":
		return p.fail(start, "there is no element between two !", "an element is NAME key=value …")
	case next == "]" && before == "[":
		return p.fail(start-1, "this branch is empty", aBranch)
	case next == "]" && open >= 0:
		return p.fail(start, "the sink is missing: the branch ends with !", aBranch)
	default:
		return p.bracket(next)
	}
}

// glued returns an error for a ! at the start or end of a word. The value of an option may end with
// one, unless the name of an element seems to follow.
func (p *parser) glued(run []word) *Error {
	for i, w := range run {
		bare := strings.Trim(w.text, "!")
		if bare == w.text {
			continue
		}
		if strings.Contains(bare, "=") && i > 0 && w.text[0] != '!' && (i+1 == len(run) || strings.Contains(run[i+1].text, "=")) {
			continue
		}
		hint := text.QuoteWord(bare) + " !"
		switch {
		case bare == "":
			hint = "one !"
		case w.text[0] == '!':
			hint = "! " + text.QuoteWord(bare)
		}
		hint = "! is a separate word: write " + hint
		if p.escape != "" {
			hint += fmt.Sprintf(" (and %swow%%21 for a file named wow!)", p.escape)
		}
		return p.fail(w.at, fmt.Sprintf("no space next to the ! in %q", w.text), hint)
	}
	return nil
}
