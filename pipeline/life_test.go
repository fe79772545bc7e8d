package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirflow/weir/pipeline"
)

// S01
func TestBytesArriveInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		run(t, emit("a", "bc", "d").Via(pass()).To(s.sink()), nil)
		s.wantPublished(t, "abcd")
	})
}

// S02
func TestSinkCannotBeOpened(t *testing.T) {
	bubble(t, func(t *testing.T) {
		released := false
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			defer func() { released = true }()
			for {
				if err := out.Send(ctx, chunkOf("x")); err != nil {
					return err
				}
			}
		})
		sink := pipeline.NewSink("sink", func(context.Context, *pipeline.Inlet) error { return errBoom })
		_, err := src.To(sink).Run(t.Context())
		wantNode(t, err, "sink")
		if !errors.Is(err, errBoom) || !released {
			t.Errorf("error %v, released %v", err, released)
		}
	})
}

// S03
func TestSourceShorterThanItsPromise(t *testing.T) {
	for _, promise := range []int64{0, 1, 3, 5} {
		t.Run(fmt.Sprint(promise), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := store{}
				src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
					out.SetSize(promise)
					for range 2 {
						_ = out.Send(ctx, chunkOf("ab")) // a node that drops the error has failed all the same
					}
					return nil
				})
				_, err := src.To(s.sink()).Run(t.Context())
				wantNode(t, err, "source")
				if !errors.Is(err, io.ErrUnexpectedEOF) || s.published != nil || int64(len(s.got)) > promise {
					t.Errorf("error %v, got %q, published %q", err, s.got, s.published)
				}
			})
		})
	}
}

// S04
func TestSourceFailsInTheMiddle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		_, err := emitThen(errBoom, "a", "bc").Via(pass()).To(s.sink()).Run(t.Context())
		var e *pipeline.Error
		if !errors.As(err, &e) || e.Node != "emit" || e.Bytes != 3 || e.Err != errBoom || err.Error() != "emit: boom" {
			t.Errorf("error %#v", err)
		}
		s.wantUndone(t, errBoom)
	})
}

// S05
func TestStageFailsOnFirstChunk(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		_, err := endless("x").Via(pass()).Via(failAt(0, errBoom)).Via(pass()).To(s.sink()).Run(t.Context())
		wantNode(t, err, "fail")
		s.wantUndone(t, errBoom)
	})
}

// S06
func TestSinkFailsBehindSixStages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		src := endless("x")
		for range 6 {
			src = src.Via(pass())
		}
		report, err := src.To(failAt(10, errBoom).To(discard())).Run(t.Context())
		wantNode(t, err, "fail")
		if len(report.Nodes) != 9 {
			t.Errorf("%d nodes in the report, want 9", len(report.Nodes))
		}
	})
}

// S09
func TestSourceFailsBeforeItsFirstChunk(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		run(t, emitThen(errBoom).To(s.sink()), errBoom)
		s.wantUndone(t, errBoom)
	})
}

// S10
func TestSinkFailsOnTheFirstChunk(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, err := endless("x").To(failAt(1, errBoom).To(discard())).Run(t.Context())
		wantNode(t, err, "fail")
	})
}

// S11
func TestSinkHasEnough(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var sourceErr error
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			for sourceErr == nil {
				sourceErr = out.Send(ctx, chunkOf("x"))
			}
			return errors.New("what a stopped node says is dropped")
		})
		run(t, src.Via(pass()).To(readN(2)), nil)
		if sourceErr != pipeline.ErrStopped {
			t.Errorf("the source saw %v, want ErrStopped", sourceErr)
		}
	})
}

// S12
func TestSinkReadsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) { run(t, endless("x").To(readN(0)), nil) })
}

// An endless source behind a stage that has enough: the sink behind it still gets
// EOF and publishes.
func TestStageHasEnough(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		run(t, endless("x").Via(pass()).Via(failAt(3, pipeline.Enough)).Via(pass()).To(s.sink()), nil)
		s.wantPublished(t, "xxx")
	})
}

// All of upstream is told at once, not one node after the other has ended.
func TestStopReachesAllOfUpstream(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		var ended time.Duration
		src := pipeline.NewSource("source", func(ctx context.Context, _ *pipeline.Outlet) error {
			<-ctx.Done()
			ended = time.Since(start)
			return context.Cause(ctx)
		})
		stubborn := pipeline.NewStage("stubborn", func(context.Context, *pipeline.Inlet, *pipeline.Outlet) error {
			time.Sleep(time.Hour)
			return nil
		})
		run(t, src.Via(stubborn).To(readN(0)), nil)
		if ended != 0 {
			t.Errorf("the source was stopped after %v", ended)
		}
	})
}

// S19
func TestEmptySource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		run(t, emit().Via(pass()).To(s.sink()), nil)
		s.wantPublished(t, "")
	})
}

// S21, S28: a source's last chunk lies in the channel when the source fails: no EOF may
// reach the sink, not even past a stage that hides the failure (S28).
func TestFailureNeverLooksLikeAnEnd(t *testing.T) {
	hide := pipeline.NewStage("hide", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return nil //nolint:nilerr // the mistake under test
			}
			_ = out.Send(ctx, c)
		}
		return nil
	})
	for name, between := range map[string]pipeline.Stage{"direct": {}, "pass": pass(), "hide": hide, "hide twice": hide.Via(hide)} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				sawEOF := false
				s := store{}
				sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
					time.Sleep(time.Second) // the chunks lie in the channels, and the source is gone
					for {
						c, err := in.Next(ctx)
						if err != nil {
							sawEOF = err == io.EOF
							return nil //nolint:nilerr // the mistake under test
						}
						c.Release()
					}
				})
				run(t, emitThen(errBoom, "a", "b").Via(between).To(pipeline.Tee(sink, s.sink())), errBoom)
				if sawEOF {
					t.Error("the sink saw EOF")
				}
				s.wantUndone(t, errBoom)
			})
		})
	}
}

// S21: the same as a race: the sink asks again and again while the source fails.
func TestFailureRacesWithNext(t *testing.T) {
	for range 2000 {
		sawEOF := false
		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			for {
				c, err := in.Next(ctx)
				if err != nil {
					sawEOF = err == io.EOF
					return err
				}
				c.Release()
			}
		})
		run(t, emitThen(errBoom, "a", "b", "c").To(sink), errBoom)
		if sawEOF {
			t.Fatal("the sink saw EOF")
		}
	}
}

// S22
func TestCancelDuringAWrite(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		published := false
		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			in.AtEnd(func(_ context.Context, failed error) error { published = failed == nil; return nil })
			c, err := in.Next(ctx)
			if err != nil {
				return err
			}
			c.Release()
			cancel(errCause)
			return errors.New("write interrupted")
		})
		if _, err := endless("x").To(sink).Run(ctx); err != errCause || published {
			t.Errorf("error %v, published %v", err, published)
		}
	})
}

// S24
func TestHundredRunsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var mu sync.Mutex
		var results []string
		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			b, err := io.ReadAll(in.Reader(ctx))
			mu.Lock()
			defer mu.Unlock()
			results = append(results, string(b))
			return err
		})
		p := emit("a", "bc", strings.Repeat("d", 9000)).Via(pass()).To(sink)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if _, err := p.Run(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		results = slices.Compact(results)
		if len(results) != 1 || len(results[0]) != 9003 {
			t.Errorf("%d different results", len(results))
		}
	})
}

// S27
func TestRunWaitsForTenStages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var running atomic.Int32
		src := emitThen(errBoom, "a")
		for range 10 {
			src = src.Via(pipeline.NewStage("count", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				running.Add(1)
				defer running.Add(-1)
				err := pass().Run(ctx, in, out)
				time.Sleep(time.Second)
				return err
			}))
		}
		run(t, src.To(discard()), errBoom)
		if n := running.Load(); n != 0 {
			t.Errorf("%d stages were running when Run returned", n)
		}
	})
}

// Promise 10: gzip.NewReader returns bare io.EOF on empty input. That must not
// become an empty file.
func TestBareEOFIsAFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		_, err := emit("a").Via(failAt(0, io.EOF)).To(s.sink()).Run(t.Context())
		wantNode(t, err, "fail")
		if !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			t.Errorf("error %v", err)
		}
		s.wantUndone(t, io.ErrUnexpectedEOF)
	})
}

func TestZeroValues(t *testing.T) {
	var none pipeline.Pipeline
	inner := func(s pipeline.Source) pipeline.Source {
		return pipeline.NewSource("outer", func(ctx context.Context, out *pipeline.Outlet) error { return s.Run(ctx, out) })
	}
	for name, p := range map[string]*pipeline.Pipeline{
		"pipeline":     &none,
		"source":       pipeline.Source{}.To(discard()),
		"via":          pipeline.Source{}.Via(pass()).To(discard()),
		"sink":         emit("x").To(pipeline.Sink{}),
		"stage's sink": emit("x").To(pass().To(pipeline.Sink{})),
		"branch":       emit("x").To(pipeline.Tee(discard(), pipeline.Sink{})),
		"input":        pipeline.Concat(emit("x"), pipeline.Source{}).To(discard()),
		"best effort":  emit("x").To(pipeline.BestEffort(pipeline.Sink{})),
		"nested":       inner(pipeline.Source{}).To(discard()),
	} {
		if _, err := p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "zero S") {
			t.Errorf("%s: error %v", name, err)
		}
		_ = p.Describe()
	}
	s := store{}
	run(t, emit("x").Via(pipeline.Stage{}).Via(pipeline.Stage{}.Via(pass())).To(pipeline.Stage{}.To(s.sink())), nil)
	s.wantPublished(t, "x")
}

func TestNegativeGrace(t *testing.T) {
	p := emit("x").To(discard())
	p.Grace = -1
	if _, err := p.Run(t.Context()); err == nil || err.Error() != "pipeline: Grace -1ns: want 0 or more" {
		t.Errorf("error %v", err)
	}
}

// S41
func TestSettingsOfAnySize(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	for _, tt := range []struct {
		chunk, buffer int
		ok            bool
	}{
		{0, 0, true}, {1, 0, true}, {0, 1, true}, {1, 1, true}, {4096, 4096, true}, {1 << 20, 1, true}, {3 << 20, 1 << 40, true},
		{-1, 0, false}, {0, -1, false}, {1 << 40, 0, false},
	} {
		t.Run(fmt.Sprintf("ChunkSize=%d,Buffer=%d", tt.chunk, tt.buffer), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := store{}
				in := data
				if tt.chunk == 1 {
					in = data[:100]
				}
				p := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
					return out.CopyFrom(ctx, bytes.NewReader(in))
				}).Via(pass()).To(s.sink())
				p.ChunkSize, p.Buffer = tt.chunk, tt.buffer
				_, err := p.Run(t.Context())
				if (err == nil) != tt.ok || tt.ok && !bytes.Equal(s.published, in) {
					t.Errorf("error %v, %d bytes", err, len(s.published))
				}
				if err != nil && !strings.Contains(err.Error(), "want 0 ") {
					t.Errorf("message %q does not say what is wanted", err)
				}
			})
		})
	}
}
