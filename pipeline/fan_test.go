package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirflow/weir/pipeline"
	"golang.org/x/sync/errgroup"
)

// stuck reads nothing until release is closed.
func stuck(release <-chan struct{}) pipeline.Sink {
	return pipeline.NewSink("stuck", func(ctx context.Context, in *pipeline.Inlet) error {
		select {
		case <-release:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		return in.CopyTo(ctx, io.Discard)
	})
}

// S32
func TestStrictTeeWaitsForTheSlowest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		var got atomic.Int64
		counting := pipeline.NewSink("count", func(ctx context.Context, in *pipeline.Inlet) error {
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return err
				}
				got.Add(1)
				c.Release()
			}
			return nil
		})
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			for range 100 {
				if err := out.Send(ctx, pipeline.NewChunk(4096)); err != nil {
					return err
				}
			}
			return nil
		})
		p := src.To(pipeline.Tee(counting, stuck(release), stuck(release)))
		p.Buffer = 4 * 4096
		go func() {
			synctest.Wait()
			if n := got.Load(); n > 5 {
				t.Errorf("the healthy branch got %d chunks while the others held 4", n)
			}
			close(release)
		}()
		run(t, p, nil)
		if n := got.Load(); n != 100 {
			t.Errorf("the healthy branch got %d chunks of 100", n)
		}
	})
}

// S33
func TestOneBranchFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		good := store{name: "good"}
		bad := store{name: "bad"}
		_, err := emit("a", "b", "c").To(pipeline.Tee(good.sink(), failAt(1, errBoom).To(bad.sink()))).Run(t.Context())
		wantNode(t, err, "fail")
		good.wantUndone(t, errBoom)
		bad.wantUndone(t, errBoom)
	})
	for _, wrap := range []func(pipeline.Sink) pipeline.Sink{
		pipeline.BestEffort,
		func(s pipeline.Sink) pipeline.Sink { return pipeline.Lossy(s, 1<<20) },
		func(s pipeline.Sink) pipeline.Sink { return pipeline.BestEffort(pipeline.Lossy(s, 1<<20)) },
	} {
		for k := range 4 {
			bubble(t, func(t *testing.T) {
				good := store{name: "good"}
				bad := store{name: "bad"}
				report := run(t, emit("a", "b", "c").To(pipeline.Tee(wrap(failAt(k, errBoom).To(bad.sink())), good.sink())), nil)
				good.wantPublished(t, "abc")
				bad.wantUndone(t, errBoom)
				if len(report.Detached) != 1 || report.Detached[0].Node != "fail" {
					t.Errorf("detached: %v", report.Detached)
				}
			})
		}
	}
}

// If the run fails, a best-effort branch that did well is undone too.
func TestBestEffortIsUndoneWithTheRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		run(t, emitThen(errBoom, "a").To(pipeline.Tee(discard(), pipeline.BestEffort(s.sink()))), errBoom)
		s.wantUndone(t, errBoom)
	})
}

func TestBestEffortPanicFailsTheRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		bang := pipeline.NewSink("bang", func(context.Context, *pipeline.Inlet) error { panic("bang") })
		_, err := emit("a").To(pipeline.Tee(s.sink(), pipeline.BestEffort(bang))).Run(t.Context())
		var p *pipeline.PanicError
		if !errors.As(err, &p) || s.published != nil {
			t.Errorf("error %v, published %q", err, s.published)
		}
	})
}

// The only branch fails, and may: upstream is stopped and the run succeeds.
func TestBestEffortAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		report := run(t, endless("x").To(pipeline.BestEffort(failAt(2, errBoom).To(discard()))), nil)
		if len(report.Detached) != 1 {
			t.Errorf("detached: %v", report.Detached)
		}
	})
}

// S34
func TestOneBranchHasEnough(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := store{name: "a"}, store{name: "b"}
		chunks := strings.Split(strings.Repeat("abcdefgh", 20), "")
		run(t, emit(chunks...).To(pipeline.Tee(a.sink(), readN(3), failAt(2, pipeline.Enough).To(b.sink()))), nil)
		a.wantPublished(t, strings.Join(chunks, ""))
		b.wantPublished(t, "ab")
	})
}

// A branch ended early. Its sink must not see EOF, and so not look complete,
// before the source has ended well: here it fails afterwards.
func TestEarlyBranchWaitsForTheSource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sawEOF := false
		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			err := in.CopyTo(ctx, io.Discard)
			sawEOF = err == nil
			return err
		})
		slow := pipeline.NewSource("slow", func(ctx context.Context, out *pipeline.Outlet) error {
			for range 3 {
				if err := out.Send(ctx, chunkOf("x")); err != nil {
					return err
				}
			}
			time.Sleep(time.Hour)
			return errBoom
		})
		run(t, slow.To(pipeline.Tee(failAt(1, pipeline.Enough).To(sink), discard())), errBoom)
		if sawEOF {
			t.Error("a branch saw EOF although the source failed")
		}
	})
}

// S35
func TestAllBranchesHaveEnough(t *testing.T) {
	bubble(t, func(t *testing.T) {
		run(t, endless("x").Via(pass()).To(pipeline.Tee(readN(1), readN(5), readN(0))), nil)
	})
}

// A list of branches that turned out to be empty does not throw the stream away.
func TestTeeOfNone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, sink := range []pipeline.Sink{pipeline.Tee(), pipeline.Tee(discard(), pipeline.Tee())} {
			_, err := endless("x").To(sink).Run(t.Context())
			if wantNode(t, err, "tee"); err == nil || err.Error() != "tee: no branches: want at least one" {
				t.Errorf("error %v", err)
			}
		}
	})
}

// S36
func TestLossyBranchStandsStill(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		fast := store{}
		lost := store{name: "lossy"}
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			for range 1000 {
				if err := out.Send(ctx, chunkOf("x")); err != nil {
					return err
				}
			}
			synctest.Wait() // the fast branch has everything although the other stands still
			if n := len(fast.got); n != 1000 {
				t.Errorf("the fast branch has %d chunks of 1000", n)
			}
			close(release)
			return nil
		})
		gate := pipeline.NewStage("gate", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			<-release
			return pass().Run(ctx, in, out)
		})
		report := run(t, src.To(pipeline.Tee(fast.sink(), pipeline.Lossy(gate.To(lost.sink()), 10*4096))), nil)
		lost.wantPublished(t, "xxxxxxxxxx")
		for _, e := range report.Channels {
			if report.Nodes[e.To].Name == "gate" && (e.Missed != 990 || e.MissedBytes != 990 || e.Chunks != 10) {
				t.Errorf("channel %+v, want 990 missed", e)
			}
		}
	})
}

// S37
func TestFailingBranchOfADiamond(t *testing.T) {
	for _, at := range []int{0, 1, 50} {
		bubble(t, func(t *testing.T) {
			a, b := store{}, store{}
			_, err := emit(strings.Split(strings.Repeat("x", 60), "")...).
				To(pipeline.Tee(pass().To(a.sink()), pass().Via(failAt(at, errBoom)).To(b.sink()))).Run(t.Context())
			wantNode(t, err, "fail")
			a.wantUndone(t, errBoom)
			b.wantUndone(t, errBoom)
		})
	}
}

// S38
func TestChunksOfMixedSizes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var chunks []string
		for i := range 40 {
			chunks = append(chunks, strings.Repeat(string(rune('a'+i%26)), []int{1, 1 << 20, 100, 64 << 10, 1}[i%5]))
		}
		a, b := store{}, store{}
		run(t, emit(chunks...).Via(pass()).To(pipeline.Tee(a.sink(), pass().To(b.sink()))), nil)
		want := strings.Join(chunks, "")
		if string(a.published) != want || string(b.published) != want {
			t.Error("bytes were lost or changed")
		}
	})
}

// S39
func TestHundredFlowsEnd(t *testing.T) {
	var g errgroup.Group
	for i := range 100 {
		g.Go(func() error {
			n := 0
			src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
				for range 1000 {
					if err := out.Send(ctx, chunkOf("x")); err != nil {
						return err
					}
				}
				return nil
			})
			p := src.Via(pass()).To(pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
				for c, err := range in.Chunks(ctx) {
					if err != nil {
						return err
					}
					n++
					c.Release()
				}
				return nil
			}))
			p.Buffer = 4096 * (i%3 + 1) // full and empty in turn
			_, err := p.Run(t.Context())
			if err == nil && n != 1000 {
				err = fmt.Errorf("%d chunks of 1000", n)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// S40
func TestEmptyChunksAreDropped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			for _, c := range []pipeline.Chunk{{}, pipeline.NewChunk(0), chunkOf("a"), chunkOf("zz").Slice(1, 1), pipeline.ChunkOf(nil), chunkOf("b"), {}} {
				if err := out.Send(ctx, c); err != nil {
					return err
				}
			}
			return nil
		})
		report := run(t, src.To(discard()), nil)
		if e := report.Channels[0]; e.Chunks != 2 || e.Bytes != 2 {
			t.Errorf("channel %+v, want 2 chunks", e)
		}
	})
}

// parallel is a worker-pool stage as a user would write it: n workers map chunks,
// a window of n keeps the order.
func parallel(n int, f func(i int, b []byte) (string, error)) pipeline.Stage {
	return pipeline.NewStage("parallel", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		type job struct {
			i      int
			c      pipeline.Chunk
			result chan string
		}
		g, gctx := errgroup.WithContext(ctx)
		jobs, order := make(chan job), make(chan job, n-1) // n in flight: one is held by whoever waits
		g.Go(func() error {
			defer close(jobs)
			defer close(order)
			i := 0
			for c, err := range in.Chunks(gctx) {
				if err != nil {
					return err
				}
				j := job{i, c, make(chan string, 1)}
				i++
				for _, ch := range []chan job{order, jobs} {
					select {
					case ch <- j:
					case <-gctx.Done():
						c.Release()
						return context.Cause(gctx)
					}
				}
			}
			return nil
		})
		for range n {
			g.Go(func() error {
				for j := range jobs {
					s, err := f(j.i, j.c.Bytes())
					j.c.Release()
					if err != nil {
						return err
					}
					j.result <- s
				}
				return nil
			})
		}
		g.Go(func() error {
			for j := range order {
				select {
				case s := <-j.result:
					if err := out.Send(gctx, chunkOf(s)); err != nil {
						return err
					}
				case <-gctx.Done():
					return context.Cause(gctx)
				}
			}
			return nil
		})
		return g.Wait()
	})
}

// A promised size travels through a tee, and not past a lossy branch.
func TestSizeTravels(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sizes := map[string]string{}
		var mu sync.Mutex
		look := func(name string) pipeline.Sink {
			return pipeline.NewSink(name, func(ctx context.Context, in *pipeline.Inlet) error {
				c, err := in.Next(ctx)
				c.Release()
				n, known := in.Size()
				mu.Lock()
				sizes[name] = fmt.Sprint(n, known)
				mu.Unlock()
				switch err {
				case nil:
					return pipeline.Enough
				case io.EOF:
					return nil
				}
				return err
			})
		}
		for _, data := range []string{"", "abc"} {
			src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
				out.SetSize(int64(len(data)))
				return out.CopyFrom(ctx, strings.NewReader(data))
			})
			report := run(t, src.To(pipeline.Tee(look("a"), pipeline.Lossy(look("b"), 9), pass().To(look("c")))), nil)
			want := map[string]string{"a": fmt.Sprint(len(data), " true"), "b": "-1 false", "c": "-1 false"}
			if fmt.Sprint(sizes) != fmt.Sprint(want) {
				t.Errorf("sizes %v, want %v", sizes, want)
			}
			if report.Channels[0].Size != int64(len(data)) {
				t.Errorf("channel %+v", report.Channels[0])
			}
		}
	})
}

// Shared chunks are read-only; who wants to write gets a copy.
func TestTeeSharesAndMutableCopies(t *testing.T) {
	bubble(t, func(t *testing.T) {
		upper := pipeline.NewStage("upper", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return err
				}
				c = c.Mutable()
				copy(c.Bytes(), bytes.ToUpper(c.Bytes()))
				if err := out.Send(ctx, c); err != nil {
					return err
				}
			}
			return nil
		})
		a, b, c := store{name: "a"}, store{name: "b"}, store{name: "c"}
		run(t, emit("ab", "cd").To(pipeline.Tee(upper.To(a.sink()), b.sink(), upper.To(c.sink()))), nil)
		a.wantPublished(t, "ABCD")
		b.wantPublished(t, "abcd")
		c.wantPublished(t, "ABCD")
	})
}
