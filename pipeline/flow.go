package pipeline

import (
	"context"
	"errors"
	"fmt"
)

// A Source, a Stage and a Sink are descriptions: a name and a run function each,
// or a chain of such nodes. They are immutable, may be shared and run any number
// of times, also concurrently. Nothing is opened, sent or started before Run.
type (
	// Source emits a stream. The zero Source fails when it is run.
	Source struct{ nodes []*spec }
	// Stage reads one stream and emits another. The zero Stage is the identity.
	Stage struct{ nodes []*spec }
	// Sink consumes a stream. The zero Sink fails when it is run.
	Sink struct{ nodes []*spec }
)

// spec describes one node.
type spec struct {
	name string
	run  func(ctx context.Context, in *Inlet, outs []*Outlet) error

	file     fileUse
	inputs   []Source // what run runs: for Describe, and for the files that it reads
	branches []Sink   // Tee: one outlet each
	policy   policy   // from this node to the end of its chain
}

// policy is what BestEffort and Lossy wrap around a sink.
type policy struct {
	detach bool  // a failure does not fail the run
	lossy  bool  // a chunk that does not fit is dropped
	bytes  int64 // what the lossy channel may hold
}

// NewSource describes a source: run sends its stream to out and returns nil at the end of it. The
// name appears in errors, statistics, profiles and drawings, and should tell the node from others: the path or the
// URL of what it reads, without secrets. Of a name longer than 64 characters the middle is left out; one that
// does not print is quoted. A run function returns nil for success and an
// error for a failure; bare io.EOF is a failure with io.ErrUnexpectedEOF. It may be
// called many times concurrently, so state that it changes must be its own.
//
// inner are sources that run runs with [Source.Run], as far as they are known.
func NewSource(name string, run func(ctx context.Context, out *Outlet) error, inner ...Source) Source {
	return Source{[]*spec{{name: nodeName(name), inputs: inner, run: func(ctx context.Context, _ *Inlet, outs []*Outlet) error {
		return run(ctx, outs[0])
	}}}}
}

// NewStage describes a stage: run reads in until io.EOF and sends to out. To stop
// upstream before that it returns [Enough]; nil would be a failure, [ErrInputLeft]. See [NewSource]
// for the rules of run functions.
func NewStage(name string, run func(ctx context.Context, in *Inlet, out *Outlet) error) Stage {
	return Stage{[]*spec{{name: nodeName(name), run: func(ctx context.Context, in *Inlet, outs []*Outlet) error {
		return run(ctx, in, outs[0])
	}}}}
}

// NewSink describes a sink: run reads in until io.EOF. Results become visible to
// others only in a last step, registered with [Inlet.AtEnd]. To stop upstream before the end of in it returns [Enough]. See
// [NewSource] and [NewStage] for the rules of run functions.
func NewSink(name string, run func(ctx context.Context, in *Inlet) error) Sink {
	return Sink{[]*spec{{name: nodeName(name), run: func(ctx context.Context, in *Inlet, _ []*Outlet) error {
		return run(ctx, in)
	}}}}
}

func chain(a, b []*spec) []*spec {
	return append(a[:len(a):len(a)], b...)
}

// Via returns the source that is s followed by t.
func (s Source) Via(t Stage) Source {
	if len(s.nodes) == 0 {
		return Source{}
	}
	return Source{chain(s.nodes, t.nodes)}
}

// Via returns the stage that is s followed by t.
func (s Stage) Via(t Stage) Stage { return Stage{chain(s.nodes, t.nodes)} }

// IsZero reports whether s is the zero Stage.
func (s Stage) IsZero() bool { return len(s.nodes) == 0 }

// To returns the sink that passes its stream through s to t.
func (s Stage) To(t Sink) Sink {
	if len(t.nodes) == 0 {
		return Sink{}
	}
	return Sink{chain(s.nodes, t.nodes)}
}

// To returns the flow from s to t, ready to [Pipeline.Run].
func (s Source) To(t Sink) *Pipeline { return &Pipeline{source: s, sink: t} }

var (
	errNoSource = errors.New("pipeline: the zero Source cannot be run")
	errNoSink   = errors.New("pipeline: the zero Sink cannot be run")
)

// Run runs s inside the node that owns out, as part of the same run: its failure
// and its panic fail the run even if the caller drops the error, its last steps join the
// caller's, and its statistics appear below the caller's. It returns when all
// nodes of s have. A size that s promises is checked but not passed on to out.
//
// When ctx ends with [ErrStopped] while the caller's own context has not ended, s ends
// early: its first node is stopped, its stages receive EOF and flush, and Run returns nil.
// Any other end of ctx aborts s; Run then returns the cause, and the caller decides whether
// that is a failure.
func (s Source) Run(ctx context.Context, out *Outlet) error {
	if len(s.nodes) == 0 {
		return errNoSource
	}
	return out.node.nest(ctx, s.nodes, nil, out)
}

// Run runs s inside the node that owns in and out: see [Source.Run]. When s stops
// before the end of in, with [Enough], Run returns nil and the rest of in is the
// caller's, who may read on, or return nil or [Enough]. The zero Stage copies in to out.
func (s Stage) Run(ctx context.Context, in *Inlet, out *Outlet) error {
	if len(s.nodes) == 0 {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return nil
	}
	return out.node.nest(ctx, s.nodes, in, out)
}

// Run runs s inside the node that owns in: see [Source.Run] and [Stage.Run].
func (s Sink) Run(ctx context.Context, in *Inlet) error {
	if len(s.nodes) == 0 {
		return errNoSink
	}
	return in.node.nest(ctx, s.nodes, in, nil)
}

// check finds zero values in a description before anything starts.
func check(specs []*spec) error {
	for _, s := range specs {
		if s.policy.bytes < 0 {
			return fmt.Errorf("pipeline: Lossy of %d bytes: want 0 or more", s.policy.bytes)
		}
		for _, b := range s.branches {
			if len(b.nodes) == 0 {
				return errNoSink
			}
			if err := check(b.nodes); err != nil {
				return err
			}
		}
		for _, in := range s.inputs {
			if len(in.nodes) == 0 {
				return errNoSource
			}
			if err := check(in.nodes); err != nil {
				return err
			}
		}
	}
	return nil
}
