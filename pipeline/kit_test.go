package pipeline_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/weirflow/weir/pipeline"
	_ "github.com/weirflow/weir/pipeline/pipetest" // poison mode
)

// Every test of a flow runs in a synctest bubble: it fails when a goroutine of the
// flow is left, and a deadlock is found at once instead of by a timeout.

// bubble runs f in a bubble.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

var (
	errBoom  = errors.New("boom")
	errOther = errors.New("other")
	errCause = errors.New("cause")
)

// emit is a source of one chunk a string.
func emit(chunks ...string) pipeline.Source {
	return emitThen(nil, chunks...)
}

// emitThen emits and then returns err.
func emitThen(err error, chunks ...string) pipeline.Source {
	return pipeline.NewSource("emit", func(ctx context.Context, out *pipeline.Outlet) error {
		for _, s := range chunks {
			if err := out.Send(ctx, chunkOf(s)); err != nil {
				return err
			}
		}
		return err
	})
}

func chunkOf(s string) pipeline.Chunk {
	c := pipeline.NewChunk(len(s))
	copy(c.Bytes(), s)
	return c
}

// endless emits x for ever. It honours nothing but what Send returns.
func endless(x string) pipeline.Source {
	return pipeline.NewSource("endless", func(ctx context.Context, out *pipeline.Outlet) error {
		for {
			if err := out.Send(ctx, chunkOf(x)); err != nil {
				return err
			}
		}
	})
}

// pass is a stage that does nothing to the stream.
func pass() pipeline.Stage {
	return pipeline.NewStage("pass", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// failAt passes k chunks on and then returns err.
func failAt(k int, err error) pipeline.Stage {
	return pipeline.NewStage("fail", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for range k {
			c, err := in.Next(ctx)
			if err != nil {
				return err
			}
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return err
	})
}

// store is a sink that shows what it got only when it is told to publish.
type store struct {
	name      string
	got       []byte    // received
	published []byte    // visible; nil: nothing
	ends      []error   // what the last step was called with
	log       *[]string // if set, gets the name at each last step
	fail      error     // returned by the last step
}

func (s *store) sink() pipeline.Sink {
	name := s.name
	if name == "" {
		name = "store"
	}
	return pipeline.NewSink(name, func(ctx context.Context, in *pipeline.Inlet) error {
		in.AtEnd(func(_ context.Context, failed error) error {
			s.ends = append(s.ends, failed)
			if s.log != nil {
				what := "publish "
				if failed != nil {
					what = "undo "
				}
				*s.log = append(*s.log, what+name)
			}
			if failed == nil && s.fail == nil {
				s.published = append([]byte{}, s.got...)
			}
			return s.fail
		})
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			s.got = append(s.got, c.Bytes()...)
			c.Release()
		}
		return nil
	})
}

func (s *store) wantPublished(t *testing.T, want string) {
	t.Helper()
	if s.published == nil || string(s.published) != want || !slices.Equal(s.ends, []error{nil}) {
		t.Errorf("%s: published %q with ends %v, want %q once", s.name, s.published, s.ends, want)
	}
}

// wantUndone checks that the sink was undone once, because of err.
func (s *store) wantUndone(t *testing.T, err error) {
	t.Helper()
	if s.published != nil || len(s.ends) != 1 || !errors.Is(s.ends[0], err) {
		t.Errorf("%s: published %q, ends %v, want it undone once with %v", s.name, s.published, s.ends, err)
	}
}

// discard reads to the end.
func discard() pipeline.Sink {
	return pipeline.NewSink("discard", func(ctx context.Context, in *pipeline.Inlet) error {
		return in.CopyTo(ctx, io.Discard)
	})
}

// readN takes n chunks and has enough.
func readN(n int) pipeline.Sink {
	return pipeline.NewSink("readN", func(ctx context.Context, in *pipeline.Inlet) error {
		for range n {
			c, err := in.Next(ctx)
			if err != nil {
				return err
			}
			c.Release()
		}
		return pipeline.Enough
	})
}

// run runs p and checks that the error is want (nil included).
func run(t *testing.T, p *pipeline.Pipeline, want error) pipeline.Report {
	t.Helper()
	return wait(t, start(t, p), want)
}

// start starts p.
func start(t *testing.T, p *pipeline.Pipeline) *pipeline.Run {
	t.Helper()
	r, err := p.Start(t.Context())
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	return r
}

// wait waits for r and checks that the error is want (nil included).
func wait(t *testing.T, r *pipeline.Run, want error) pipeline.Report {
	t.Helper()
	report, err := r.Wait()
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Fatalf("the run ended with %v, want %v", err, want)
	}
	return report
}

// wantNode checks that err is a *pipeline.Error of the node.
func wantNode(t *testing.T, err error, node string) {
	t.Helper()
	var e *pipeline.Error
	if !errors.As(err, &e) || e.Node != node {
		t.Errorf("error %v, want one of node %q", err, node)
	}
}
