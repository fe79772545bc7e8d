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

// A cause of io.EOF is not the end of the stream.
func TestCancelWithEOFIsNoEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		var got error
		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			_, got = in.Next(ctx)
			return got
		})
		src := pipeline.NewSource("source", func(ctx context.Context, _ *pipeline.Outlet) error {
			cancel(io.EOF)
			<-ctx.Done()
			return nil
		})
		if _, err := src.To(sink).Run(ctx); err != io.EOF || got != io.ErrUnexpectedEOF {
			t.Errorf("Run: %v, Next: %v", err, got)
		}
	})
}

// A nested sink that was given up has received something short: it is undone,
// whatever its caller makes of the error.
func TestAbandonedNestedSinkIsUndone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		short, whole := store{name: "short"}, store{name: "whole"}
		sink := pipeline.NewSink("outer", func(ctx context.Context, in *pipeline.Inlet) error {
			sub, cancel := context.WithTimeoutCause(ctx, time.Second, errCause)
			defer cancel()
			slow := pipeline.NewStage("slow", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				if c, err := in.Next(ctx); err == nil {
					_ = out.Send(ctx, c)
				}
				<-ctx.Done()
				return nil
			})
			if err := slow.To(short.sink()).Run(sub, in); err != errCause {
				t.Errorf("nested Run: %v", err)
			}
			return whole.sink().Run(ctx, in)
		})
		report := run(t, emit("a", "b").To(sink), nil)
		short.wantUndone(t, errCause)
		whole.wantPublished(t, "b")
		if len(report.Detached) != 0 {
			t.Errorf("detached: %v", report.Detached)
		}
	})
}

// The same when the stage around the nested sink is stopped: the rest of the
// stream never came.
func TestStoppedNestedSinkIsUndone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		short := store{}
		started := make(chan struct{})
		nested := pipeline.NewSink("nested", func(ctx context.Context, in *pipeline.Inlet) error {
			in.AtEnd(func(_ context.Context, failed error) error { short.ends = append(short.ends, failed); return nil })
			close(started)
			return in.CopyTo(ctx, io.Discard)
		})
		stage := pipeline.NewStage("outer", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			return nested.Run(ctx, in)
		})
		stop := pipeline.NewSink("stop", func(context.Context, *pipeline.Inlet) error {
			<-started
			return pipeline.Enough
		})
		run(t, endless("x").Via(stage).To(stop), nil)
		short.wantUndone(t, pipeline.ErrStopped)
	})
}

// A panic fails the run also in a branch that may fail, and has.
func TestPanicInAFailedBranch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		bang := pipeline.NewSink("bang", func(ctx context.Context, _ *pipeline.Inlet) error {
			<-ctx.Done()
			panic("on the way out")
		})
		_, err := endless("x").To(pipeline.Tee(s.sink(), pipeline.BestEffort(failAt(0, errBoom).To(bang)))).Run(t.Context())
		var p *pipeline.PanicError
		if !errors.As(err, &p) || s.published != nil {
			t.Errorf("error %v", err)
		}
	})
}

// A promised size is kept by what was delivered, not by what was tried.
func TestSizeCountsWhatWasDelivered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			out.SetSize(3)
			sub, cancel := context.WithCancel(ctx)
			cancel()
			_ = out.Send(sub, chunkOf("abc"))
			return nil
		})
		run(t, src.To(discard()), io.ErrUnexpectedEOF)
	})
}

// A chunk that is no longer the sender's is found out where it is sent, and one
// that was released behind the engine's back fails the run, and only the run.
func TestStaleChunksInAFlow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var p *pipeline.PanicError
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			c := chunkOf("x")
			c.Release()
			return out.Send(ctx, c)
		})
		_, err := src.To(discard()).Run(t.Context())
		if wantNode(t, err, "source"); !errors.As(err, &p) {
			t.Errorf("error %v", err)
		}

		sent := make(chan struct{})
		src = pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			defer close(sent)
			c := chunkOf("x")
			err := out.Send(ctx, c)
			c.Release() // which it must not
			return err
		})
		s := store{}
		late := pipeline.NewSink("late", func(context.Context, *pipeline.Inlet) error { <-sent; return pipeline.Enough })
		_, err = src.To(pipeline.Tee(s.sink(), late)).Run(t.Context())
		if err == nil || s.published != nil {
			t.Errorf("error %v, published %q", err, s.published)
		}
		sent = make(chan struct{})
		_, err = src.To(late).Run(t.Context()) // nobody takes it: the engine is the one to notice
		if wantNode(t, err, "source"); !errors.As(err, &p) {
			t.Errorf("error %v", err)
		}
	})
}

// Several goroutines on one port: nobody sleeps on when there is work, also when
// the token that was meant to wake one goes to another that gives up.
func TestManyGoroutinesOnOnePort(t *testing.T) {
	for range 50 {
		bubble(t, func(t *testing.T) {
			const workers, chunks = 4, 20
			src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
				errs := make(chan error, workers)
				for range workers {
					go func() {
						var err error
						for range chunks {
							err = errors.Join(err, out.Send(ctx, chunkOf("x")))
						}
						errs <- err
					}()
				}
				var err error
				for range workers {
					err = errors.Join(err, <-errs)
				}
				// One gives up while it waits for room, and another still waits.
				sub, cancel := context.WithCancel(ctx)
				go func() { synctest.Wait(); cancel() }()
				gaveUp := make(chan error)
				go func() {
					for {
						if err := out.Send(sub, chunkOf("x")); err != nil {
							gaveUp <- nil
							return
						}
					}
				}()
				for range chunks {
					err = errors.Join(err, out.Send(ctx, chunkOf("y")))
				}
				cancel()
				return errors.Join(err, <-gaveUp)
			})
			sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
				errs := make(chan error, workers)
				take := func(ctx context.Context) {
					for {
						c, err := in.Next(ctx)
						if err != nil {
							errs <- err
							return
						}
						c.Release()
					}
				}
				sub, cancel := context.WithCancel(ctx)
				defer time.AfterFunc(time.Nanosecond, cancel).Stop()
				go take(sub)
				for range workers - 1 {
					go take(ctx)
				}
				for range workers {
					if err := <-errs; err != io.EOF && err != context.Canceled {
						return err
					}
				}
				return nil
			})
			p := src.To(sink)
			p.Buffer = 2 * 4096
			run(t, p, nil)
		})
	}
}

// What a stopped node's port answers after the node returned is ErrClosed too.
func TestPortsOfAStoppedNode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var kept *pipeline.Outlet
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			kept = out
			for {
				if err := out.Send(ctx, chunkOf("x")); err != nil {
					return err
				}
			}
		})
		run(t, src.To(readN(1)), nil)
		if err := kept.Send(context.Background(), chunkOf("y")); err != pipeline.ErrClosed {
			t.Errorf("Send: %v", err)
		}
	})
}

// A Send beyond the promise is refused at once: the consumer never sees the bytes.
func TestSendBeyondThePromiseIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got error
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			out.SetSize(5)
			if err := out.Send(ctx, pipeline.ChunkOf([]byte("12345"))); err != nil {
				return err
			}
			got = out.Send(ctx, pipeline.ChunkOf([]byte("6")))
			return nil
		})
		var seen strings.Builder
		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return err
				}
				seen.Write(c.Bytes())
				c.Release()
			}
			return nil
		})
		_, err := src.To(sink).Run(t.Context())
		if !errors.Is(got, io.ErrUnexpectedEOF) || !errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(seen.String(), "6") {
			t.Errorf("Send: %v, Run: %v, the sink saw %q", got, err, seen.String())
		}
	})
}
