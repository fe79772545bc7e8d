package pipeline_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// S26
func TestPanicIsAnError(t *testing.T) {
	for _, at := range []string{"source", "stage", "sink"} {
		t.Run(at, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := store{}
				bang := func(name string) {
					if name == at {
						panic(errBoom)
					}
				}
				src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
					_ = out.Send(ctx, chunkOf("x"))
					bang("source")
					return nil
				})
				stage := pipeline.NewStage("stage", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
					bang("stage")
					return pass().Run(ctx, in, out)
				})
				sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
					bang("sink")
					return in.CopyTo(ctx, io.Discard)
				})
				_, err := src.Via(stage).To(pipeline.Tee(sink, s.sink())).Run(t.Context())
				var p *pipeline.PanicError
				if !errors.As(err, &p) || p.Node != at || p.Value != errBoom || !strings.Contains(string(p.Stack), "panic_test.go") || !errors.Is(err, errBoom) {
					t.Fatalf("error %v", err)
				}
				if got, want := err.Error(), at+": panic: boom"; got != want {
					t.Errorf("message %q, want %q", got, want)
				}
				s.wantUndone(t, errBoom)
			})
		})
	}
}

// A panic of a node that was stopped already, and the result no longer mattered,
// fails the run all the same.
func TestPanicAfterStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			for {
				if err := out.Send(ctx, chunkOf("x")); err != nil {
					panic("after stop")
				}
			}
		})
		s := store{}
		_, err := src.Via(failAt(2, pipeline.Enough)).To(s.sink()).Run(t.Context())
		var p *pipeline.PanicError
		if !errors.As(err, &p) || s.published != nil {
			t.Errorf("error %v, published %q", err, s.published)
		}
	})
}

func TestGoexit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		exit := pipeline.NewStage("exit", func(context.Context, *pipeline.Inlet, *pipeline.Outlet) error {
			runtime.Goexit()
			return nil
		})
		_, err := endless("x").Via(exit).To(s.sink()).Run(t.Context())
		wantNode(t, err, "exit")
		if err == nil || !strings.Contains(err.Error(), "Goexit") {
			t.Errorf("error %v", err)
		}
		if s.published != nil {
			t.Errorf("published %q", s.published)
		}
	})
}

// S26
func TestPortsAfterReturn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var in *pipeline.Inlet
		var out *pipeline.Outlet
		var w *pipeline.Writer
		var r io.Reader
		var ctx context.Context
		stage := pipeline.NewStage("stage", func(c context.Context, i *pipeline.Inlet, o *pipeline.Outlet) error {
			ctx, in, out = c, i, o
			w, r = o.Writer(c), i.Reader(c)
			return pass().Run(ctx, in, out)
		})
		s := store{}
		run(t, emit("x").Via(stage).To(s.sink()), nil)
		for _, ctx := range []context.Context{ctx, context.Background()} {
			if err := out.Send(ctx, chunkOf("y")); err != pipeline.ErrClosed {
				t.Errorf("Send: %v", err)
			}
			if _, err := in.Next(ctx); err != pipeline.ErrClosed {
				t.Errorf("Next: %v", err)
			}
		}
		if _, err := w.Write([]byte("y")); err != pipeline.ErrClosed {
			t.Errorf("Write: %v", err)
		}
		if _, err := r.Read(make([]byte, 1)); err != pipeline.ErrClosed {
			t.Errorf("Read: %v", err)
		}
		if err := out.CopyFrom(context.Background(), strings.NewReader("y")); err != pipeline.ErrClosed {
			t.Errorf("CopyFrom: %v", err)
		}
		called := error(nil)
		in.AtEnd(func(_ context.Context, failed error) error { called = failed; return nil })
		if called != pipeline.ErrClosed {
			t.Errorf("a late last step was called with %v", called)
		}
		if in.Buffered() != 0 {
			t.Error("Buffered")
		}
		s.wantPublished(t, "x")
	})
}

// A node that returns while goroutines of its own still send does not crash the
// engine.
func TestStrayGoroutines(t *testing.T) {
	var wg sync.WaitGroup
	src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
		for range 4 {
			wg.Go(func() {
				for out.Send(context.Background(), chunkOf("x")) == nil {
				}
			})
		}
		return out.Send(ctx, chunkOf("y"))
	})
	if _, err := src.To(discard()).Run(t.Context()); err != nil && !strings.Contains(err.Error(), "never released") {
		t.Error(err)
	}
	wg.Wait()
}
