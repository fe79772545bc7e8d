package main

import (
	"fmt"
	"strings"

	"github.com/weirflow/weir/internal/text"
)

// A flowError says what is wrong with a flow and at which word. The flow was not touched.
type flowError struct {
	words []string
	at    int // the word that is meant; len(words) is the end of the flow
	msg   string
	hint  string
}

func (e *flowError) Error() string { return e.msg }

// excerpt draws the flow, as far as it fits in width columns, and marks the word that is meant.
func (e *flowError) excerpt(width int) string {
	var before, marked, after string
	for i, w := range e.words {
		w = text.Printable(text.QuoteWord(w))
		switch {
		case i < e.at:
			before += w + " "
		case i == e.at:
			marked = w
		default:
			after += " " + w
		}
	}
	b, m, a := []rune(before), []rune(marked), []rune(after)
	width = max(width, 20)
	if len(m) > width/2 {
		m = append(m[:width/2-1:width/2-1], '…')
	}
	if room := width - len(m) - 1; len(b)+len(a) > room {
		left := min(len(b), max(room/2, room-len(a)))
		if left < len(b) {
			b = append([]rune{'…'}, b[len(b)-left+1:]...)
		}
		if right := max(room-left, 1); right < len(a) {
			a = append(a[:right-1:right-1], '…')
		}
	}
	return string(b) + string(m) + string(a) + "\n" + strings.Repeat(" ", len(b)) + strings.Repeat("^", max(1, len(m)))
}

// parseFlow takes words apart:
//
//	flow   = source { "!" element } "!" end
//	end    = sink | tee
//	element= NAME { key=value } | tee
//	tee    = "tee" branch { branch }
//	branch = "[" { element "!" } end "]"
//
// A chain that goes on after a tee is one more branch of it. The error is a *flowError. A word that starts or ends
// with "!" is taken for a missing space: file:name%21 is the way to a file with such a name.
func parseFlow(words []string) (*flow, error) {
	p := &parser{words: words}
	f := &flow{words: words}
	if len(words) == 0 {
		return nil, p.fail(0, "the flow is empty", "a flow is SOURCE ! STAGE ! SINK, for example: access.log ! gzip ! access.log.gz")
	}
	source := p.run()
	switch {
	case len(source) == 0 && words[0] == "!":
		return nil, p.fail(0, "the source is missing: nothing stands before the first !", "a source is a path, - or a URL")
	case len(source) == 0:
		return nil, p.fail(0, fmt.Sprintf("a flow starts with a source, not with %s", words[0]), "a source is a path, - or a URL")
	}
	if err := p.glued(source); err != nil {
		return nil, err
	}
	f.source = source[0]
	if len(source) > 1 {
		return nil, p.fail(source[1].at, fmt.Sprintf("a source is one word, and %q is followed by %q", source[0].text, source[1].text),
			"! goes between two elements; a name with spaces needs quotes")
	}
	if next := p.next(); next != "!" {
		if next != "" {
			return nil, p.bracket(next)
		}
		hint := "a flow is SOURCE ! STAGE ! SINK, and a sink is a path, - or a URL"
		if strings.Contains(source[0].text, "!") {
			hint = "! is a word of its own: leave out the quotes around the flow and put spaces around each !"
		}
		return nil, p.fail(p.pos, "the sink is missing: the flow ends after its source", hint)
	}
	p.pos++
	c, err := p.chain(-1)
	if err != nil {
		return nil, err
	}
	f.chain = *c
	return f, nil
}

type parser struct {
	words []string
	pos   int
}

func (p *parser) fail(at int, msg, hint string) *flowError {
	return &flowError{words: p.words, at: at, msg: msg, hint: hint}
}

// next is the word that comes, "" at the end.
func (p *parser) next() string {
	if p.pos < len(p.words) {
		return p.words[p.pos]
	}
	return ""
}

func (p *parser) atEnd() bool { return p.pos == len(p.words) }

// run takes the words up to the next !, [ or ].
func (p *parser) run() []word {
	var run []word
	for ; !p.atEnd() && !isMark(p.words[p.pos]); p.pos++ {
		run = append(run, word{p.words[p.pos], p.pos})
	}
	return run
}

func isMark(w string) bool { return w == "!" || w == "[" || w == "]" }

// chain reads elements up to the end of the flow or, with open the index of a bracket, up to the one that closes it.
func (p *parser) chain(open int) (*chain, error) {
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
		if run[0].text == "tee" {
			return c, p.tee(c, run, open)
		}
		switch next := p.next(); {
		case next == "!" && !p.atEnd():
			c.stages = append(c.stages, step{run[0], run[1:]})
			p.pos++
		case next == "[":
			return nil, p.bracket(next)
		default:
			if err := p.closed(open); err != nil {
				return nil, err
			}
			if len(run) > 1 {
				hint := "a sink is one word: a path, - or a URL; a name with spaces needs quotes"
				if strings.HasPrefix(run[1].text, "-") {
					hint = flagsFirst
				}
				return nil, p.fail(run[1].at, fmt.Sprintf("the sink is missing, or is more than one word: %q is followed by %q", run[0].text, run[1].text), hint)
			}
			c.sink = &run[0]
			return c, nil
		}
	}
}

const flagsFirst = "flags stand before the flow: pipe-demo run --flag SOURCE ! SINK"

// tee reads the branches behind the word tee, and the rest of the chain.
func (p *parser) tee(c *chain, run []word, open int) error {
	f := &fork{name: run[0]}
	if len(run) > 1 {
		hint := "a branch ends in a sink: tee [ copy.bin ] [ sha256 ! sums ]"
		if strings.HasPrefix(run[1].text, "[") {
			hint = "[ and ] are words of their own: put spaces around them"
		}
		return p.fail(run[1].at, fmt.Sprintf("tee takes branches in brackets, and got %q", run[1].text), hint)
	}
	for p.next() == "[" {
		at := p.pos
		p.pos++
		b, err := p.chain(at)
		if err != nil {
			return err
		}
		f.branches = append(f.branches, *b)
		p.pos++ // the bracket that closes it: chain made sure
	}
	if len(f.branches) == 0 {
		return p.fail(f.name.at, "tee has no branch", "a branch ends in a sink: tee [ copy.bin ] [ sha256 ! sums ]")
	}
	c.tee = f
	if p.next() == "!" {
		p.pos++
		rest, err := p.chain(open)
		f.rest = rest
		return err
	}
	if !p.atEnd() && !isMark(p.next()) {
		return p.fail(p.pos, fmt.Sprintf("%q stands directly behind a branch of tee", p.next()), "put a ! before it to go on after the tee, or [ ] around it for another branch")
	}
	return p.closed(open)
}

// closed checks that a chain ends where it may: at its bracket, or at the end of the flow.
func (p *parser) closed(open int) error {
	switch {
	case open >= 0 && p.atEnd():
		hint := "every [ needs its ]"
		if w := p.words[len(p.words)-1]; strings.HasSuffix(w, "]") {
			hint = fmt.Sprintf("] is a word of its own: write %s ]", text.QuoteWord(strings.TrimSuffix(w, "]")))
		}
		return p.fail(open, "this branch is not closed", hint)
	case open < 0 && p.next() == "]":
		return p.fail(p.pos, "] closes nothing", "every ] needs its [ behind a tee")
	}
	return nil
}

// bracket is the error for a bracket where none can stand.
func (p *parser) bracket(mark string) error {
	if mark == "[" {
		return p.fail(p.pos, "[ opens a branch, and only tee has branches", "write: tee [ … ] [ … ]")
	}
	return p.fail(p.pos, "] closes nothing", "every ] needs its [ behind a tee")
}

// empty is the error for an element without a word.
func (p *parser) empty(start, open int) error {
	before := p.words[start-1]
	switch next := p.next(); {
	case p.atEnd() && before == "!":
		return p.fail(start, "the sink is missing: the flow ends with !", "a sink is a path, - or a URL")
	case p.atEnd():
		return p.fail(start-1, "this branch is not closed", "every [ needs its ]")
	case next == "!" && before == "!":
		return p.fail(start, "nothing stands between two !", "an element is NAME key=value …")
	case next == "!":
		return p.fail(start, "a branch cannot start with !", "the branch's input comes from tee: write [ gzip ! out.gz ]")
	case next == "]" && before == "[":
		return p.fail(start-1, "this branch is empty", "a branch ends in a sink: [ copy.bin ]")
	case next == "]" && open >= 0:
		return p.fail(start, "the sink is missing: the branch ends with !", "a branch ends in a sink: a path, - or a URL")
	default:
		return p.bracket(next)
	}
}

// glued finds a ! that sticks to a word. In the value of an option it may stand, unless an element's name seems to follow.
func (p *parser) glued(run []word) error {
	for i, w := range run {
		bare := strings.Trim(w.text, "!")
		if bare == w.text {
			continue
		}
		if strings.Contains(bare, "=") && i > 0 && w.text[0] != '!' && (i+1 == len(run) || strings.Contains(run[i+1].text, "=")) {
			continue
		}
		apart := text.QuoteWord(bare) + " !"
		switch {
		case bare == "":
			apart = "one !"
		case w.text[0] == '!':
			apart = "! " + text.QuoteWord(bare)
		}
		return p.fail(w.at, fmt.Sprintf("a ! is glued to %q", w.text),
			fmt.Sprintf("! is a word of its own: write %s (and file:wow%%21 for a file named wow!)", apart))
	}
	return nil
}
