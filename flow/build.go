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

// BuildOptions are the settings of one build of a flow. Elements read them from their [Build].
type BuildOptions struct {
	// Context is the context of operations that may outlive the cancellation of the run, such as a
	// request whose response a last step waits for. Default: [context.Background].
	Context context.Context

	// Replace allows sinks to replace existing files. Default: they fail.
	Replace bool

	// File returns the sink that writes the local file called path, and is then responsible for what
	// Replace says. Default: one that writes a file as package sinks does without options.
	File func(path string) pipeline.Sink

	// NoClobber forbids uploads to replace what the server has: they fail with an error that is fs.ErrExist. Default: they replace it.
	NoClobber bool

	// MayChange allows files to change while they are read. Default: that is a failure.
	MayChange bool

	// OnRetry is called before an element repeats a network operation: with the operation,
	// without its secrets, the number of the attempt, the time until it starts, and the cause. It is
	// called by goroutines of the flow, possibly concurrently. It may be nil.
	OnRetry func(operation string, attempt int, wait time.Duration, cause error)

	// OnWarning is called with what an element's user should know although it is no failure, and with the
	// element's word without its secrets. It is called by goroutines of the flow, possibly concurrently. It may be nil.
	OnWarning func(word, message string)

	// AfterSource is a stage after the source, such as a limit. Default: none.
	AfterSource pipeline.Stage

	// BeforeSink returns a stage before a sink; the zero Stage is none. It may be nil.
	BeforeSink func(Endpoint) pipeline.Stage
}

// A Build is one build of a flow, for its elements.
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

// Origin returns the name of the source, from [Element.FileName]. It returns "" after a stage that
// changes the source's bytes, and if the source has no name.
func (b *Build) Origin() string { return b.origin }

// Digest announces that a stage computes a digest of its stream, and returns the function to call
// with the digest at the end of the stream. [Built.Digests] returns it.
func (b *Build) Digest(algorithm string) func(sum []byte) { return b.found.add(algorithm) }

// A Digest is the digest of a stream, computed by a stage. Sum is nil if the stage has not received
// the end of the stream: the run has not ended, has failed, or was stopped.
type Digest struct {
	Algorithm string
	Sum       []byte
}

// String returns Sum in hexadecimal.
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

// Built is a flow that is ready to run, with the results that its stages report.
type Built struct {
	// Pipeline is the flow. It is nil if the flow has no sink.
	Pipeline *pipeline.Pipeline
	// Source is the flow if it has no sink: see [Registry.ParseSource].
	Source pipeline.Source

	flow  *Flow
	sinks []Endpoint // in the order of the pipeline
	found *digests
}

// Build builds the flow for one run. The error is an [*Error].
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

// Pipeline is [Flow.Build] for a program that needs only the pipeline. It fails if the flow
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

// failed returns the error of an element whose word has the index at.
func (b *Build) failed(at int, err error) *Error {
	fe := &Error{Words: b.flow.words, At: at, Message: err.Error(), cause: err}
	if own, ok := errors.AsType[*Error](err); ok {
		fe.Hint = own.Hint
	}
	return fe
}

// steps returns the stages of a chain as one.
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

// lateFirst returns the branches with a late sink, such as an upload, before the others, whose
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

// Digests returns the digests that stages announced, in the order of the flow. Their sums are set
// when the run has ended.
func (b *Built) Digests() []Digest {
	b.found.mu.Lock()
	defer b.found.mu.Unlock()
	return slices.Clone(b.found.list)
}
