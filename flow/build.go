package flow

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/weirflow/weir/pipeline"
)

// BuildOptions are what one build of a flow depends on besides its words. Elements see them in their
// [Build].
type BuildOptions struct {
	// Context is that of the run. Elements give it to what may outlive the cancellation of the run,
	// such as a request whose answer a last step waits for. Default: [context.Background].
	Context context.Context

	// Replace lets sinks replace what exists. Default: they fail.
	Replace bool

	// OnRetry is called before an element repeats an operation over the network: with the word of
	// the element as it may be shown, the number of the attempt, the time until then, and why. It is
	// called by the goroutines of the flow. Default: nothing is called.
	OnRetry func(word string, attempt int, wait time.Duration, cause error)

	// AfterSource is a stage behind the source, such as a limit. Default: none.
	AfterSource pipeline.Stage

	// BeforeSink returns a stage in front of a sink. The zero Stage is none. Default: none.
	BeforeSink func(Endpoint) pipeline.Stage
}

// A Build is one build of a flow, as its elements see it.
type Build struct {
	BuildOptions

	flow   *Flow
	origin string
	found  *digests
}

func newBuild(f *Flow, opts BuildOptions) *Build {
	if opts.Context == nil {
		opts.Context = context.Background()
	}
	return &Build{BuildOptions: opts, flow: f, found: &digests{}}
}

// Origin returns the name of the source, as [Element.FileName] gives it, as long as the stream still
// has the source's bytes; behind a stage that changes them, and if the source has no name, it
// returns "".
func (b *Build) Origin() string { return b.origin }

// Digest announces that a stage finds out a digest of its stream, and returns the function to call
// with it, once it has seen all of the stream. [Built.Digests] returns it.
func (b *Build) Digest(algorithm string) func(sum []byte) { return b.found.add(algorithm) }

// A Digest is the digest of a stream that a stage has found out. Sum is nil if the stage did not see
// the end of the stream: the run failed, or was not to the end, or has not been.
type Digest struct {
	Algorithm string
	Sum       []byte
}

// String returns the digest in hexadecimal, "" without one.
func (d Digest) String() string { return hex.EncodeToString(d.Sum) }

type digests struct {
	mu   sync.Mutex
	list []Digest
}

func (d *digests) add(algorithm string) func([]byte) {
	i := len(d.list)
	d.list = append(d.list, Digest{Algorithm: algorithm})
	return func(sum []byte) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.list[i].Sum = sum
	}
}

// Built is a flow that is ready to run, and what the run will have found out.
type Built struct {
	// Pipeline is the flow. It is nil if the flow has no sink.
	Pipeline *pipeline.Pipeline
	// Source is a flow that has no sink: see [Registry.ParseSource].
	Source pipeline.Source

	flow  *Flow
	sinks []Endpoint // in the order of the pipeline
	found *digests
}

// Build describes the flow for one run. The error is an [*Error].
func (f *Flow) Build(opts BuildOptions) (*Built, error) {
	b := newBuild(f, opts)
	src, err := f.source.Element.Source(b, f.source.Word)
	if err != nil {
		return nil, b.failed(f.source.At, err)
	}
	src = src.Via(opts.AfterSource)
	b.origin = f.source.FileName()
	built := &Built{flow: f, found: b.found}
	if len(f.Sinks()) == 0 {
		stage, err := b.steps(&f.chain)
		if err != nil {
			return nil, err
		}
		built.Source = src.Via(stage)
		return built, nil
	}
	sink, fe := b.chain(&f.chain, built)
	if fe != nil {
		return nil, fe
	}
	built.Pipeline = src.To(sink)
	return built, nil
}

// Pipeline builds the flow for a program that needs no more than the pipeline. It fails if the flow
// has no sink. The error is an [*Error].
func (f *Flow) Pipeline(opts BuildOptions) (*pipeline.Pipeline, error) {
	if len(f.Sinks()) == 0 {
		return nil, &Error{Words: f.words, At: len(f.words), Message: "the sink is missing"}
	}
	built, err := f.Build(opts)
	if err != nil {
		return nil, err
	}
	return built.Pipeline, nil
}

// failed is the error of an element whose word is at a place.
func (b *Build) failed(at int, err error) *Error {
	fe := &Error{Words: b.flow.words, At: at, Message: err.Error(), cause: err}
	if own, ok := errors.AsType[*Error](err); ok {
		fe.Hint = own.Hint
	}
	return fe
}

// steps is the stages of a chain as one.
func (b *Build) steps(c *chain) (pipeline.Stage, *Error) {
	var all pipeline.Stage
	for _, s := range c.steps {
		stage, err := s.Element.Stage(b, s.Values)
		if err != nil {
			return all, b.failed(s.name.at, err)
		}
		all = all.Via(stage)
		if !s.Element.Keeps {
			b.origin = ""
		}
	}
	return all, nil
}

func (b *Build) chain(c *chain, built *Built) (pipeline.Sink, *Error) {
	before := b.origin
	defer func() { b.origin = before }()
	all, fe := b.steps(c)
	if fe != nil {
		return pipeline.Sink{}, fe
	}
	if c.sink != nil {
		built.sinks = append(built.sinks, *c.sink)
		sink, err := c.sink.Element.Sink(b, c.sink.Word)
		if err != nil {
			return sink, b.failed(c.sink.At, err)
		}
		if b.BeforeSink != nil {
			all = all.Via(b.BeforeSink(*c.sink))
		}
		return all.To(sink), nil
	}
	var branches []pipeline.Sink
	for _, branch := range c.fan.lateFirst() {
		sink, fe := b.chain(branch, built)
		if fe != nil {
			return sink, fe
		}
		branches = append(branches, sink)
	}
	sink, err := c.fan.Element.FanOut(b, c.fan.Values, branches)
	if err != nil {
		return sink, b.failed(c.fan.name.at, err)
	}
	return all.To(sink), nil
}

// lateFirst puts the branches whose last step can fail late, the uploads, before the others, whose
// renames can then still be undone.
func (f *fan) lateFirst() []*chain {
	sorted := make([]*chain, len(f.branches))
	for i := range f.branches {
		sorted[i] = &f.branches[i]
	}
	late := func(c *chain) int {
		if slices.ContainsFunc(c.sinks(), func(e Endpoint) bool { return e.Element.Late }) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(sorted, func(a, b *chain) int { return late(a) - late(b) })
	return sorted
}

// Digests returns the digests that stages announced, in the order of the flow. Their sums are there
// when the run has ended.
func (b *Built) Digests() []Digest {
	b.found.mu.Lock()
	defer b.found.mu.Unlock()
	return slices.Clone(b.found.list)
}

// Labels returns what to call the flow's own nodes, in the order of the report: the source and the
// sinks as the flow does, without secrets, the others by their names. It needs a Pipeline.
func (b *Built) Labels() []string {
	shape := b.Pipeline.Describe()
	sends := make(map[int]bool)
	for _, c := range shape.Channels {
		sends[c.From] = true
	}
	sinks := b.sinks
	var labels []string
	for i, n := range shape.Nodes {
		switch {
		case n.Parent >= 0:
			continue
		case i == 0:
			n.Name = b.flow.source.Shown()
		case !sends[i] && len(sinks) > 0:
			n.Name, sinks = sinks[0].Shown(), sinks[1:]
		}
		labels = append(labels, n.Name)
	}
	return labels
}
