package pipeline_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirflow/weir/pipeline"
)

// S13
func TestCancelledBeforeTheRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errCause)
		opened := false
		sink := pipeline.NewSink("sink", func(context.Context, *pipeline.Inlet) error { opened = true; return nil })
		_, err := emit("x").To(sink).Run(ctx)
		if err != errCause || opened {
			t.Errorf("error %v, opened %v", err, opened)
		}
	})
}

// S14
func TestCancelledInTheMiddle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		n := 0
		s := store{}
		stage := pipeline.NewStage("stage", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return err
				}
				if n++; n == 5 {
					cancel(errCause)
				}
				if err := out.Send(ctx, c); err != nil {
					return err
				}
			}
			return nil
		})
		_, err := endless("x").Via(stage).To(s.sink()).Run(ctx)
		if err != errCause {
			t.Errorf("error %v, want the cause itself", err)
		}
		if n > 5 {
			t.Errorf("the stage was given %d chunks, though it was cancelled at 5", n)
		}
		s.wantUndone(t, errCause)
	})
}

func TestDeadlineIsTheCause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		silent := pipeline.NewSource("silent", func(ctx context.Context, _ *pipeline.Outlet) error {
			<-ctx.Done()
			return ctx.Err()
		})
		if _, err := silent.To(discard()).Run(ctx); err != context.DeadlineExceeded {
			t.Errorf("error %v", err)
		}
	})
}

// Nodes that answer a cancellation with nil have not ended: their stream was cut.
func TestCancelSwallowed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		s := store{}
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			_ = out.Send(ctx, chunkOf("x"))
			cancel(errCause)
			return nil
		})
		sink := pipeline.NewSink("swallow", func(ctx context.Context, in *pipeline.Inlet) error {
			_ = in.CopyTo(ctx, io.Discard)
			return nil
		})
		if _, err := src.To(pipeline.Tee(sink, s.sink())).Run(ctx); err != errCause {
			t.Errorf("error %v", err)
		}
		s.wantUndone(t, errCause)
	})
}

// A caller may even cancel with ErrStopped: that is a cancelled run, not a
// stopped source.
func TestCancelledWithErrStopped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		s := store{}
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			_ = out.Send(ctx, chunkOf("x"))
			cancel(pipeline.ErrStopped)
			<-ctx.Done()
			return context.Cause(ctx)
		})
		if _, err := src.To(s.sink()).Run(ctx); err != pipeline.ErrStopped {
			t.Errorf("error %v", err)
		}
		s.wantUndone(t, pipeline.ErrStopped)
	})
}

// S18
func TestOwnErrorNotCancelled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, err := emit("a", "b", "c").Via(failAt(1, errBoom)).To(discard()).Run(t.Context())
		if wantNode(t, err, "fail"); !errors.Is(err, errBoom) || errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

// The cause that came first wins, whatever the others say afterwards.
func TestFirstCauseWins(t *testing.T) {
	bubble(t, func(t *testing.T) {
		src := pipeline.NewSource("source", func(ctx context.Context, _ *pipeline.Outlet) error {
			<-ctx.Done()
			return errOther
		})
		sink := pipeline.NewSink("sink", func(context.Context, *pipeline.Inlet) error {
			time.Sleep(time.Second)
			return errBoom
		})
		_, err := src.To(sink).Run(t.Context())
		if wantNode(t, err, "sink"); errors.Is(err, errOther) {
			t.Errorf("error %v", err)
		}
	})
}

// Cancelling after every node has returned nil no longer fails the run.
func TestCancelAfterTheLastReturn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		s := store{}
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			out.AtEnd(func(context.Context, error) error { cancel(errCause); return nil })
			return out.Send(ctx, chunkOf("x"))
		})
		if _, err := src.To(s.sink()).Run(ctx); err != nil {
			t.Error(err)
		}
		s.wantPublished(t, "x")
	})
}

// A blocked read that honours its context ends within 100 ms of virtual time,
// with the cause.
func TestBlockedNodeIsInterrupted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		pr, pw := io.Pipe()
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			stop := context.AfterFunc(ctx, func() { pw.CloseWithError(errOther) })
			defer stop()
			return out.CopyFrom(ctx, pr)
		})
		go func() {
			synctest.Wait()
			cancel(errCause)
		}()
		start := time.Now()
		if _, err := src.To(discard()).Run(ctx); err != errCause {
			t.Errorf("error %v", err)
		}
		if d := time.Since(start); d > 100*time.Millisecond {
			t.Errorf("ended after %v", d)
		}
	})
}
