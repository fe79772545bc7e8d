package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirflow/weir/pipeline"
)

// S15
func TestSlowFlush(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		slow := pipeline.NewStage("slow", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			if err := in.CopyTo(ctx, io.Discard); err != nil {
				return err
			}
			time.Sleep(time.Hour)
			return out.Send(ctx, chunkOf("tail"))
		})
		report := run(t, emit("x").Via(slow).To(s.sink()), nil)
		s.wantPublished(t, "tail")
		if report.Elapsed < time.Hour {
			t.Errorf("Run took %v of virtual time", report.Elapsed)
		}
	})
}

// S16
func TestCloseTakesLong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		closed := false
		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			defer func() { time.Sleep(time.Minute); closed = true }()
			return in.CopyTo(ctx, io.Discard)
		})
		run(t, endless("x").Via(failAt(3, errBoom)).To(sink), errBoom)
		if !closed {
			t.Error("Run returned before the sink had closed")
		}
	})
}

// S17
func TestLastStepAfterTheSource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var sourceDone, early atomic.Bool
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			for range 4000 {
				if err := out.Send(ctx, chunkOf("x")); err != nil {
					return err
				}
			}
			time.Sleep(time.Second)
			sourceDone.Store(true)
			return nil
		})
		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			in.AtEnd(func(context.Context, error) error { early.Store(!sourceDone.Load()); return nil })
			return in.CopyTo(ctx, io.Discard)
		})
		run(t, src.To(sink), nil)
		if early.Load() {
			t.Error("the last step came before the source's end")
		}
	})
}

// S23
func TestLastStepsInReverse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, fail := range []error{nil, errBoom} {
			var log []string
			step := func(name string) func(context.Context, error) error {
				return func(ctx context.Context, failed error) error {
					if ctx.Err() != nil {
						t.Errorf("%s: the context has ended: %v", name, ctx.Err())
					}
					log = append(log, fmt.Sprint(name, " ", failed))
					return nil
				}
			}
			src := pipeline.NewSource("source", func(_ context.Context, out *pipeline.Outlet) error {
				out.AtEnd(step("source"))
				return nil
			})
			sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
				in.AtEnd(step("first"))
				in.AtEnd(step("second"))
				if err := in.CopyTo(ctx, io.Discard); err != nil {
					return err
				}
				return fail
			})
			run(t, src.To(sink), fail)
			want := []string{"source <nil>", "second <nil>", "first <nil>"}
			if fail != nil {
				want = []string{"first sink: boom", "second sink: boom", "source sink: boom"}
			}
			if !slices.Equal(log, want) {
				t.Errorf("steps %q, want %q", log, want)
			}
		}
	})
}

// Promise 2 for a tee, with the order of §5: a late failure of the first branch
// undoes the others, a failure after a publish says what is out.
func TestPublishOrder(t *testing.T) {
	for _, tt := range []struct {
		name string
		fail string
		want []string
		msg  string
	}{
		{"none fails", "", []string{"publish a", "publish b", "publish c"}, ""},
		{"first fails", "a", []string{"publish a", "undo c", "undo b"}, "a: boom"},
		{"second fails", "b", []string{"publish a", "publish b", "undo c"}, "b: boom (published before it: a)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var log []string
				var sinks []pipeline.Sink
				for _, name := range []string{"a", "b", "c"} {
					s := &store{name: name, log: &log}
					if name == tt.fail {
						s.fail = errBoom
					}
					sinks = append(sinks, s.sink())
				}
				_, err := emit("x").To(pipeline.Tee(sinks[0], pass().To(pipeline.Tee(sinks[1], sinks[2])))).Run(t.Context())
				if !slices.Equal(log, tt.want) {
					t.Errorf("steps %q, want %q", log, tt.want)
				}
				if tt.msg == "" && err != nil || tt.msg != "" && (err == nil || err.Error() != tt.msg || !errors.Is(err, errBoom)) {
					t.Errorf("error %v, want %q", err, tt.msg)
				}
			})
		})
	}
}

// A failed publish of a best-effort branch is reported like its failure.
func TestBestEffortPublishFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log []string
		a := &store{name: "a", log: &log, fail: errBoom}
		b := &store{name: "b", log: &log}
		c := &store{name: "c", log: &log}
		report := run(t, emit("x").To(pipeline.Tee(pipeline.BestEffort(pipeline.Tee(a.sink(), b.sink())), c.sink())), nil)
		if want := []string{"publish a", "undo b", "publish c"}; !slices.Equal(log, want) {
			t.Errorf("steps %q, want %q", log, want)
		}
		if len(report.Detached) != 1 || report.Detached[0].Node != "a" || !errors.Is(report.Detached[0], errBoom) {
			t.Errorf("detached %v", report.Detached)
		}
	})
}

// What goes wrong while undoing stands behind the cause; a panic and a Goexit in a last step reach
// nobody else.
func TestUndoFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		end := func(f func()) pipeline.Sink {
			return pipeline.NewSink("end", func(ctx context.Context, in *pipeline.Inlet) error {
				in.AtEnd(func(context.Context, error) error { f(); return errOther })
				return in.CopyTo(ctx, io.Discard)
			})
		}
		flow := func(err error) *pipeline.Pipeline {
			return emitThen(err, "x").To(pipeline.Tee(
				end(func() {}), end(func() { panic("bang") }), end(func() { runtime.Goexit() })))
		}
		_, err := flow(errBoom).Run(t.Context())
		var e *pipeline.Error
		var p *pipeline.PanicError
		if !errors.As(err, &e) || e.Node != "emit" || !errors.Is(err, errBoom) || !errors.Is(err, errOther) || !errors.As(err, &p) {
			t.Errorf("error %v", err)
		}
		if msg := err.Error(); !strings.HasPrefix(msg, "emit: boom (undoing it failed too: end: runtime.Goexit") || !strings.HasSuffix(msg, "end: panic: bang; end: other)") {
			t.Errorf("message %q", msg)
		}
		_, err = flow(nil).Run(t.Context())
		if wantNode(t, err, "end"); !errors.Is(err, errOther) {
			t.Errorf("error %v", err)
		}
	})
}
