package main

import (
	"fmt"
	"strings"

	"github.com/weirflow/weir/internal/text"
)

// A plan is a flow whose names and options have been checked against the registry.
type plan struct {
	flow   *flow
	source use
	chain  planned
}

// planned is a chain of the plan. Its end is a sink, or the branches of a tee.
type planned struct {
	stages   []planStage
	sink     *use
	branches []planned
}

// A use is a source or a sink in its place.
type use struct {
	word
	elem *element
}

type planStage struct {
	elem   *element
	values values
}

// sinks are the ends of the chain, in the order in which they were written.
func (p *planned) sinks() []use {
	if p.sink != nil {
		return []use{*p.sink}
	}
	var all []use
	for i := range p.branches {
		all = append(all, p.branches[i].sinks()...)
	}
	return all
}

// planFlow parses words and looks every name and option up. The error is a *flowError.
func planFlow(words []string) (*plan, error) {
	f, err := parseFlow(words)
	if err != nil {
		return nil, err
	}
	p := &plan{flow: f}
	p, fe := p.resolve()
	if fe != nil {
		fe.words = words
		return nil, fe
	}
	return p, nil
}

func (p *plan) resolve() (*plan, *flowError) {
	f := p.flow
	if stageNamed(f.source.text) != nil {
		return nil, &flowError{at: f.source.at, msg: fmt.Sprintf("the source is missing: the flow starts with the stage %s", f.source.text),
			hint: fmt.Sprintf("a file of that name is ./%s", f.source.text)}
	}
	e, err := endpoint(sourceRole, f.source)
	if err != nil {
		return nil, err
	}
	p.source = use{f.source, e}
	c, err := resolveChain(&f.chain)
	if err != nil {
		return nil, err
	}
	p.chain = c
	return p, nil
}

func resolveChain(c *chain) (planned, *flowError) {
	var p planned
	for _, s := range c.stages {
		e := stageNamed(s.name.text)
		if e == nil {
			return p, unknownStage(s.name)
		}
		v, err := parseOptions(e, s)
		if err != nil {
			return p, err
		}
		p.stages = append(p.stages, planStage{e, v})
	}
	if c.sink != nil {
		if stageNamed(c.sink.text) != nil {
			return p, &flowError{at: c.sink.at, msg: fmt.Sprintf("the sink is missing: the chain ends with the stage %s", c.sink.text),
				hint: fmt.Sprintf("add ! and a path, - or a URL; a file of that name is ./%s", c.sink.text)}
		}
		e, err := endpoint(sinkRole, *c.sink)
		if err != nil {
			return p, err
		}
		p.sink = &use{*c.sink, e}
		return p, nil
	}
	for _, b := range c.tee.all() {
		branch, err := resolveChain(&b)
		if err != nil {
			return p, err
		}
		p.branches = append(p.branches, branch)
	}
	return p, nil
}

func unknownStage(name word) *flowError {
	e := &flowError{at: name.at, msg: fmt.Sprintf("unknown stage %q", name.text), hint: text.DidYouMean(name.text, elementNames(stageRole))}
	_, isURL := schemeOf(name.text)
	switch {
	case e.hint != "":
	case isURL || name.text == "-" || strings.ContainsAny(name.text, "./\\"):
		e.hint = fmt.Sprintf("only the last element of a chain is a sink; to write to %s on the way: tee [ %s ]", name.text, text.QuoteWord(name.text))
	case strings.Contains(name.text, "="):
		e.hint = "an option stands behind its element, without a ! between them"
	default:
		e.hint = "pipe-demo list shows all of them"
	}
	return e
}
