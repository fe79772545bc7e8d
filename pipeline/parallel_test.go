package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirflow/weir/pipeline"
)

// S43
func TestParallelKeepsOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n = 4
		var inFlight, most atomic.Int32
		var chunks []string
		for i := range 40 {
			chunks = append(chunks, fmt.Sprintf("<%d>", i))
		}
		stage := parallel(n, func(i int, b []byte) (string, error) {
			most.Store(max(most.Load(), inFlight.Add(1)))
			time.Sleep(time.Duration(40-i) * time.Second)
			inFlight.Add(-1)
			return string(b), nil
		})
		start := time.Now()
		var first time.Duration
		s := store{}
		note := pipeline.NewStage("note", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return err
				}
				if first == 0 {
					first = time.Since(start)
				}
				if err := out.Send(ctx, c); err != nil {
					return err
				}
			}
			return nil
		})
		report := run(t, emit(chunks...).Via(stage).Via(note).To(s.sink()), nil)
		s.wantPublished(t, strings.Join(chunks, ""))
		if most.Load() > n || first != 40*time.Second || report.Elapsed < 2*first {
			t.Errorf("%d in flight, first result after %v of %v", most.Load(), first, report.Elapsed)
		}
	})
}

// S44
func TestParallelWorkerFails(t *testing.T) {
	for _, silent := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
				for range 8 {
					if err := out.Send(ctx, chunkOf("x")); err != nil {
						return err
					}
				}
				if silent {
					<-ctx.Done()
					return context.Cause(ctx)
				}
				return nil
			})
			s := store{}
			_, err := src.Via(parallel(8, func(i int, _ []byte) (string, error) {
				if i == 3 {
					time.Sleep(time.Second)
					return "", errBoom
				}
				return "y", nil
			})).To(s.sink()).Run(t.Context())
			wantNode(t, err, "parallel")
			s.wantUndone(t, errBoom)
		})
	}
}

// S45
func TestMergeAndConcat(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		silent := pipeline.NewSource("silent", func(ctx context.Context, out *pipeline.Outlet) error {
			select {
			case <-release:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			return out.Send(ctx, chunkOf("late"))
		})
		fast := emit("a", "b", "c")
		s := store{}
		go func() {
			synctest.Wait()
			if string(s.got) != "abc" {
				t.Errorf("got %q while one source is silent", s.got)
			}
			close(release)
		}()
		run(t, pipeline.Merge(silent, fast).To(s.sink()), nil)
		s.wantPublished(t, "abclate")

		c := store{}
		run(t, pipeline.Concat(emit("1", "2").Via(pass()), emit(), pipeline.Concat(emit("3"), emit("4")), emit("5")).To(c.sink()), nil)
		c.wantPublished(t, "12345")

		for _, fan := range []func(...pipeline.Source) pipeline.Source{pipeline.Merge, pipeline.Concat} {
			f := store{}
			_, err := fan(fast.Via(pass()), emitThen(errBoom, "x").Via(pass()), endless("y")).To(f.sink()).Run(t.Context())
			wantNode(t, err, "emit")
			f.wantUndone(t, errBoom)

			p := store{}
			bang := pipeline.NewSource("bang", func(context.Context, *pipeline.Outlet) error { panic(errBoom) })
			_, err = fan(fast, bang).To(p.sink()).Run(t.Context())
			wantNode(t, err, "bang")
			p.wantUndone(t, errBoom)

			run(t, fan(endless("x"), endless("y").Via(pass())).To(readN(20)), nil) // stopped, all of them
			e := store{}
			run(t, fan().To(e.sink()), nil)
			e.wantPublished(t, "")

			ctx, cancel := context.WithCancelCause(t.Context())
			x := store{}
			go func() { synctest.Wait(); cancel(errCause) }()
			never := pipeline.NewSource("never", func(ctx context.Context, _ *pipeline.Outlet) error {
				<-ctx.Done()
				return nil // a node may hide it
			})
			if _, err := fan(never.Via(pass()), never).To(x.sink()).Run(ctx); err != errCause {
				t.Errorf("error %v", err)
			}
			x.wantUndone(t, errCause)
		}
	})
}

// Concat opens one source at a time.
func TestConcatOpensOneAtATime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var open, most atomic.Int32
		one := pipeline.NewSource("one", func(ctx context.Context, out *pipeline.Outlet) error {
			most.Store(max(most.Load(), open.Add(1)))
			defer open.Add(-1)
			return out.Send(ctx, chunkOf("x"))
		})
		var many []pipeline.Source
		for range 1000 {
			many = append(many, one)
		}
		s := store{}
		report := run(t, pipeline.Concat(many...).To(s.sink()), nil)
		if most.Load() != 1 || len(s.published) != 1000 {
			t.Errorf("%d open at once, %d bytes", most.Load(), len(s.published))
		}
		if len(report.Nodes) != 3 || report.Nodes[2].Out != 1000 || report.Nodes[2].Parent != 0 {
			t.Errorf("nodes %+v, want the thousand counted as one", report.Nodes)
		}
	})
}
