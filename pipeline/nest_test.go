package pipeline_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirflow/weir/pipeline"
)

// within runs s inside another source.
func within(s pipeline.Source) pipeline.Source {
	return pipeline.NewSource("outer", func(ctx context.Context, out *pipeline.Outlet) error { return s.Run(ctx, out) })
}

func TestNestedNodes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		stage := pipeline.NewStage("outer stage", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			return pass().Via(pass()).Run(ctx, in, out)
		})
		sink := pipeline.NewSink("outer sink", func(ctx context.Context, in *pipeline.Inlet) error {
			return pass().To(s.sink()).Run(ctx, in)
		})
		report := run(t, within(emit("a", "b").Via(pass())).Via(stage).To(sink), nil)
		s.wantPublished(t, "ab")
		var names []string
		for _, n := range report.Nodes {
			if n.Parent >= 0 {
				names = append(names, report.Nodes[n.Parent].Name+"/"+n.Name)
			}
			if n.In+n.Out < 2 {
				t.Errorf("node %+v saw nothing", n)
			}
		}
		if len(report.Nodes) != 9 {
			t.Errorf("nodes %q", names)
		}
	})
}

// The failure of a nested node fails the run, also when the node around it hides it.
func TestNestedFailure(t *testing.T) {
	bang := pipeline.NewSource("bang", func(context.Context, *pipeline.Outlet) error { panic(errBoom) })
	for name, tt := range map[string]struct {
		inner pipeline.Source
		node  string
	}{
		"source":       {emitThen(errBoom, "a"), "emit"},
		"first":        {emitThen(errBoom, "a").Via(pass()), "emit"},
		"last":         {emit("a").Via(failAt(0, errBoom)), "fail"},
		"panic":        {bang, "bang"},
		"panic inside": {bang.Via(pass()), "bang"},
		"twice":        {within(emitThen(errBoom, "a")), "emit"},
	} {
		for _, hide := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					outer := pipeline.NewSource("outer", func(ctx context.Context, out *pipeline.Outlet) error {
						err := tt.inner.Run(ctx, out)
						if hide {
							return nil //nolint:nilerr // the mistake under test
						}
						return err
					})
					s := store{}
					_, err := outer.To(s.sink()).Run(t.Context())
					wantNode(t, err, tt.node)
					s.wantUndone(t, errBoom)
				})
			})
		}
	}
}

func TestNestedStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		run(t, within(within(endless("x").Via(pass()))).To(readN(3)), nil)
		// A nested panic fails the run although the node around it was stopped.
		bang := pipeline.NewSource("bang", func(ctx context.Context, out *pipeline.Outlet) error {
			for out.Send(ctx, chunkOf("x")) == nil {
			}
			panic("bang")
		})
		_, err := within(bang).To(readN(3)).Run(t.Context())
		var p *pipeline.PanicError
		if !errors.As(err, &p) {
			t.Errorf("error %v", err)
		}
	})
}

// A nested stage that has enough leaves the rest of the stream to the node around it.
func TestNestedStageLeavesTheRest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		stage := pipeline.NewStage("outer", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			if err := failAt(2, pipeline.Enough).Via(pass()).Run(ctx, in, out); err != nil {
				return err
			}
			if err := out.Send(ctx, chunkOf("|")); err != nil {
				return err
			}
			return pass().Run(ctx, in, out)
		})
		run(t, emit("a", "b", "c", "d").Via(stage).To(s.sink()), nil)
		s.wantPublished(t, "ab|cd")
	})
}

// A source asked to end early: its first node stops, the stages behind it flush,
// and what was sent is published, wherever in a nest the source sits.
func TestEndEarly(t *testing.T) {
	tail := pipeline.NewStage("tail", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		n, known := int64(0), false
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			if n, known = in.Size(); known {
				out.SetSize(n) // a promise that the early end makes void
				known = false
			}
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return out.Send(ctx, chunkOf("."))
	})
	slow := pipeline.NewSource("slow", func(ctx context.Context, out *pipeline.Outlet) error {
		for {
			if err := out.Send(ctx, chunkOf("x")); err != nil {
				return err
			}
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return errors.New("a stopped node's answer does not matter")
			}
		}
	})
	for name, inner := range map[string]pipeline.Source{
		"source":        slow,
		"chain":         slow.Via(pass()).Via(pass()),
		"nested":        within(within(slow)),
		"concat":        pipeline.Concat(slow.Via(pass()), emit("not started")),
		"merge":         pipeline.Merge(slow.Via(pass())),
		"concat nested": pipeline.Concat(pipeline.Merge(within(slow.Via(pass())))),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				until := pipeline.NewSource("until", func(ctx context.Context, out *pipeline.Outlet) error {
					sctx, cancel := context.WithCancelCause(ctx)
					defer cancel(nil)
					defer context.AfterFunc(sctx, func() {})()
					timer := time.AfterFunc(2500*time.Millisecond, func() { cancel(pipeline.ErrStopped) })
					defer timer.Stop()
					return inner.Via(tail).Run(sctx, out)
				})
				s := store{}
				run(t, until.Via(pass()).To(s.sink()), nil)
				s.wantPublished(t, "xxx.")
			})
		})
	}
}

// The same with a promised size, which a graceful end makes void, and with a context that has ended
// before.
func TestEndEarlyWithSize(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sized := pipeline.NewSource("sized", func(ctx context.Context, out *pipeline.Outlet) error {
			out.SetSize(1000)
			_ = out.Send(ctx, chunkOf("x"))
			<-ctx.Done()
			return context.Cause(ctx)
		})
		keep := pipeline.NewStage("keep", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			c, err := in.Next(ctx)
			if err != nil {
				return err
			}
			if n, known := in.Size(); known {
				out.SetSize(n)
			}
			if err := out.Send(ctx, c); err != nil {
				return err
			}
			return pass().Run(ctx, in, out)
		})
		s := store{}
		until := pipeline.NewSource("until", func(ctx context.Context, out *pipeline.Outlet) error {
			sctx, cancel := context.WithCancelCause(ctx)
			go func() { synctest.Wait(); cancel(pipeline.ErrStopped) }()
			if err := sized.Via(keep).Via(keep).Run(sctx, out); err != nil {
				return err
			}
			return endless("y").Run(sctx, out) // not even started
		})
		run(t, until.To(s.sink()), nil)
		s.wantPublished(t, "x")
	})
}

// Asked to end before it began: the stages still say what they say of an empty
// stream, once, however deep the source sits.
func TestEndBeforeTheBeginning(t *testing.T) {
	header := pipeline.NewStage("header", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		if err := out.Send(ctx, chunkOf("<")); err != nil {
			return err
		}
		if err := pass().Run(ctx, in, out); err != nil {
			return err
		}
		return out.Send(ctx, chunkOf(">"))
	})
	for name, inner := range map[string]pipeline.Source{
		"chain":  endless("x").Via(header),
		"concat": pipeline.Concat(endless("x").Via(header), endless("y").Via(header)),
		"nested": within(within(endless("x").Via(header))),
	} {
		bubble(t, func(t *testing.T) {
			s := store{}
			until := pipeline.NewSource("until", func(ctx context.Context, out *pipeline.Outlet) error {
				sctx, cancel := context.WithCancelCause(ctx)
				cancel(pipeline.ErrStopped)
				return inner.Run(sctx, out)
			})
			run(t, until.To(s.sink()), nil)
			if string(s.published) != "<>" {
				t.Errorf("%s: published %q", name, s.published)
			}
		})
	}
}

// When the caller gives up on a nested source with a cause of its own, what that
// means is the caller's decision.
func TestNestedAbandoned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		silent := pipeline.NewSource("silent", func(ctx context.Context, _ *pipeline.Outlet) error {
			<-ctx.Done()
			return errOther
		})
		s := store{}
		fallback := pipeline.NewSource("fallback", func(ctx context.Context, out *pipeline.Outlet) error {
			tctx, cancel := context.WithTimeoutCause(ctx, time.Second, errCause)
			defer cancel()
			if err := silent.Via(pass()).Run(tctx, out); err != errCause {
				t.Errorf("nested Run: %v, want the cause", err)
			}
			return emit("plan b").Run(ctx, out)
		})
		run(t, fallback.To(s.sink()), nil)
		s.wantPublished(t, "plan b")
	})
}

// A nested source's promise is held, and not passed on.
func TestNestedPromise(t *testing.T) {
	bubble(t, func(t *testing.T) {
		short := pipeline.NewSource("short", func(ctx context.Context, out *pipeline.Outlet) error {
			out.SetSize(3)
			return out.Send(ctx, chunkOf("ab"))
		})
		s := store{}
		report, err := within(short).To(s.sink()).Run(t.Context())
		if wantNode(t, err, "short"); !errors.Is(err, io.ErrUnexpectedEOF) || report.Channels[0].Size != -1 {
			t.Errorf("error %v, channels %+v", err, report.Channels)
		}
		s.wantUndone(t, io.ErrUnexpectedEOF)
	})
}

// What a nested stage learns of the size is what it will get.
func TestNestedSize(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var sizes []int64
		look := pipeline.NewStage("look", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			c, err := in.Next(ctx)
			if err != nil {
				return err
			}
			size, _ := in.Size()
			sizes = append(sizes, size)
			out.SetSize(size)
			if err := out.Send(ctx, c); err != nil {
				return err
			}
			return pass().Run(ctx, in, out)
		})
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			out.SetSize(8)
			return emit("head", "bo", "dy").Run(ctx, out)
		})
		outer := pipeline.NewStage("outer", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			if _, err := io.ReadFull(in.Reader(ctx), make([]byte, 3)); err != nil {
				return err
			}
			return look.Via(look).Run(ctx, in, out)
		})
		s := store{}
		run(t, src.Via(outer).To(s.sink()), nil)
		s.wantPublished(t, "dbody")
		if len(sizes) != 2 || sizes[0] != 5 || sizes[1] != 5 {
			t.Errorf("sizes %v, want 5 and 5", sizes)
		}
	})
}

// Policies work on nested sinks too.
func TestNestedPolicy(t *testing.T) {
	for _, wrap := range []func(pipeline.Sink) pipeline.Sink{
		pipeline.BestEffort,
		func(s pipeline.Sink) pipeline.Sink { return pipeline.Lossy(s, 1) },
	} {
		bubble(t, func(t *testing.T) {
			bad := store{}
			sink := pipeline.NewSink("outer", func(ctx context.Context, in *pipeline.Inlet) error {
				return wrap(failAt(1, errBoom).To(bad.sink())).Run(ctx, in)
			})
			report := run(t, emit("a", "b").To(sink), nil)
			if len(report.Detached) != 1 || report.Detached[0].Node != "fail" {
				t.Errorf("detached %v", report.Detached)
			}
			bad.wantUndone(t, errBoom)
		})
	}
}

func TestLastStepsOfNestedNodes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log []string
		a := &store{name: "a", log: &log}
		b := &store{name: "b", log: &log}
		outer := pipeline.NewSink("outer", func(ctx context.Context, in *pipeline.Inlet) error {
			return a.sink().Run(ctx, in)
		})
		run(t, emit("x").To(pipeline.Tee(outer, b.sink())), nil)
		if got := strings.Join(log, ", "); got != "publish a, publish b" {
			t.Errorf("steps %q", got)
		}
	})
}

// A nested source that is asked to end before it begins finds that out at its first line, not a moment later.
func TestNestedSourceStoppedBeforeItBegins(t *testing.T) {
	for range 200 {
		early := false
		inner := pipeline.NewSource("inner", func(ctx context.Context, _ *pipeline.Outlet) error {
			early = errors.Is(context.Cause(ctx), pipeline.ErrStopped)
			return nil
		})
		outer := pipeline.NewSource("outer", func(ctx context.Context, out *pipeline.Outlet) error {
			ctx, stop := context.WithCancelCause(ctx)
			stop(pipeline.ErrStopped)
			return inner.Run(ctx, out)
		})
		all := pipeline.NewSink("all", func(ctx context.Context, in *pipeline.Inlet) error { return in.CopyTo(ctx, io.Discard) })
		if _, err := outer.To(all).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !early {
			t.Fatal("it began as if nothing had happened")
		}
	}
}
