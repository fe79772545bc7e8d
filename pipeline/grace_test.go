package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/weirflow/weir/pipeline"
)

// waiting is a sink whose last step waits for something that never comes, unless its context ends. It stores how long
// that took, and why.
func waiting(name string, took *time.Duration, why *error) pipeline.Sink {
	return pipeline.NewSink(name, func(ctx context.Context, in *pipeline.Inlet) error {
		in.AtEnd(func(ctx context.Context, failed error) error {
			began := time.Now()
			<-ctx.Done()
			*took, *why = time.Since(began), context.Cause(ctx)
			return context.Cause(ctx)
		})
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			c.Release()
		}
		return nil
	})
}

// A last step that waits for a silent server ends Grace after the run's context, whether it publishes or undoes.
func TestGrace(t *testing.T) {
	for _, grace := range []time.Duration{0, time.Second, time.Nanosecond, time.Hour} {
		bubble(t, func(t *testing.T) {
			want := grace
			if want == 0 {
				want = 30 * time.Second
			}
			for _, publishes := range []bool{false, true} {
				ctx, cancel := context.WithCancelCause(t.Context())
				src := pipeline.NewSource("waits", func(ctx context.Context, _ *pipeline.Outlet) error {
					<-ctx.Done()
					return nil
				})
				if publishes {
					src = emit("x")
				}
				var took time.Duration
				var why error
				p := src.To(waiting("sink", &took, &why))
				p.Grace = grace
				early := time.Duration(0)
				time.AfterFunc(time.Minute, func() { cancel(errCause) })
				if publishes {
					early = time.Minute // the last step waits from the start
				}
				_, err := p.Run(ctx)
				if !errors.Is(err, errCause) || !errors.Is(why, errCause) || took != early+want {
					t.Errorf("publishes %v: took %v, want %v; ended with %v; error %v", publishes, took, early+want, why, err)
				}
			}
		})
	}
}

// Grace counts from the end of the run's context, not from the return of the nodes, and once for all steps.
func TestGraceIsForAllSteps(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		slow := pipeline.NewSource("slow", func(ctx context.Context, out *pipeline.Outlet) error {
			cancel(errCause)
			time.Sleep(20 * time.Second) // does not honour its context
			return nil
		})
		var took [2]time.Duration
		var why error
		_, err := slow.To(pipeline.Tee(waiting("a", &took[0], &why), waiting("b", &took[1], &why))).Run(ctx)
		if took != [2]time.Duration{0, 10 * time.Second} || !errors.Is(err, errCause) { // undo is last first
			t.Errorf("took %v, error %v", took, err)
		}
	})
}

// A run whose context does not end gives its last steps all the time they need; and so does one whose context ended after.
func TestGraceOfARunThatGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			in.AtEnd(func(ctx context.Context, _ error) error {
				time.Sleep(time.Hour)
				return ctx.Err()
			})
			return pipeline.Enough
		})
		p := emit("x").To(sink)
		p.Grace = time.Second
		if _, err := p.Run(ctx); err != nil {
			t.Error(err)
		}
	})
}
