package pipeline_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// takes returns the sink that receives n chunks, registers what it would publish, and returns err.
func takes(s *store, n int, err error) pipeline.Sink {
	return pipeline.NewSink("takes", func(ctx context.Context, in *pipeline.Inlet) error {
		in.AtEnd(func(_ context.Context, failed error) error {
			if failed == nil {
				s.published = append([]byte{}, s.got...)
			}
			s.ends = append(s.ends, failed)
			return nil
		})
		for range n {
			c, err := in.Next(ctx)
			if err != nil {
				return err
			}
			s.got = append(s.got, c.Bytes()...)
			c.Release()
		}
		return err
	})
}

// S12: who has enough says so. Returning nil with input unread is a failure, with the node's name, however much
// was read before, and nothing is published.
func TestEnoughIsSaid(t *testing.T) {
	for n := range 3 {
		for _, shape := range []struct {
			name string
			flow func(sink pipeline.Sink) *pipeline.Pipeline
		}{
			{"linear", func(sink pipeline.Sink) *pipeline.Pipeline { return emit("a", "b").To(sink) }},
			{"endless", func(sink pipeline.Sink) *pipeline.Pipeline { return endless("a").Via(pass()).To(sink) }},
			{"tee", func(sink pipeline.Sink) *pipeline.Pipeline {
				return emit("a", "b").To(pipeline.Tee(discard(), sink))
			}},
			{"tee alone", func(sink pipeline.Sink) *pipeline.Pipeline { return endless("a").To(pipeline.Tee(sink)) }},
			{"concat", func(sink pipeline.Sink) *pipeline.Pipeline {
				return pipeline.Concat(emit("a"), emit("b")).To(sink)
			}},
			{"merge", func(sink pipeline.Sink) *pipeline.Pipeline {
				return pipeline.Merge(emit("a"), emit("b")).To(sink)
			}},
			{"nested", func(sink pipeline.Sink) *pipeline.Pipeline {
				return emit("a", "b").To(pipeline.NewSink("around", func(ctx context.Context, in *pipeline.Inlet) error {
					_ = sink.Run(ctx, in)
					return nil
				}))
			}},
		} {
			t.Run(fmt.Sprint(shape.name, n), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					var s store
					run(t, shape.flow(takes(&s, n, pipeline.Enough)), nil)
					if len(s.published) != n {
						t.Errorf("Enough: published %q", s.published)
					}
					s = store{}
					_, err := shape.flow(takes(&s, n, nil)).Run(t.Context())
					if wantNode(t, err, "takes"); !errors.Is(err, pipeline.ErrInputLeft) {
						t.Errorf("nil: %v", err)
					}
					s.wantUndone(t, pipeline.ErrInputLeft)
				})
			})
		}
	}
}

// Every way to receive the end of the stream counts.
func TestEndReceived(t *testing.T) {
	for name, read := range map[string]func(ctx context.Context, in *pipeline.Inlet) error{
		"Next": func(ctx context.Context, in *pipeline.Inlet) error {
			for {
				c, err := in.Next(ctx)
				if err == io.EOF {
					return nil
				}
				if err != nil {
					return err
				}
				c.Release()
			}
		},
		"Chunks": func(ctx context.Context, in *pipeline.Inlet) error {
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return err
				}
				c.Release()
			}
			return nil
		},
		"CopyTo": func(ctx context.Context, in *pipeline.Inlet) error { return in.CopyTo(ctx, io.Discard) },
		"Reader": func(ctx context.Context, in *pipeline.Inlet) error { _, err := io.ReadAll(in.Reader(ctx)); return err },
		"WriteTo": func(ctx context.Context, in *pipeline.Inlet) error {
			_, err := io.Copy(io.Discard, in.Reader(ctx))
			return err
		},
		"ReadByte": func(ctx context.Context, in *pipeline.Inlet) error {
			r := in.Reader(ctx).(io.ByteReader)
			for {
				if _, err := r.ReadByte(); err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
			}
		},
		"nested": func(ctx context.Context, in *pipeline.Inlet) error { return discard().Run(ctx, in) },
		"nested twice": func(ctx context.Context, in *pipeline.Inlet) error {
			_ = discard().Run(ctx, in)
			return nothing().Run(ctx, in)
		},
		"nested, then read": func(ctx context.Context, in *pipeline.Inlet) error {
			_ = readN(1).Run(ctx, in)
			return in.CopyTo(ctx, io.Discard)
		},
		"nested has enough": func(ctx context.Context, in *pipeline.Inlet) error { return readN(1).Run(ctx, in) },
		"inside of nested":  func(ctx context.Context, in *pipeline.Inlet) error { return pass().To(readN(1)).Run(ctx, in) },
		"scanner": func(ctx context.Context, in *pipeline.Inlet) error {
			s := bufio.NewScanner(in.Reader(ctx))
			for s.Scan() {
			}
			return s.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				run(t, emit("ab", "c").To(pipeline.NewSink("sink", read)), nil)
			})
		})
	}
}

// nothing is a sink that reads nothing and says nothing.
func nothing() pipeline.Sink {
	return pipeline.NewSink("nothing", func(context.Context, *pipeline.Inlet) error { return nil })
}

// An error of a scanner that nobody looks at does not make a short file.
func TestForgottenScannerError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var s store
		lines := pipeline.NewStage("lines", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			w := out.Writer(ctx)
			for scan := bufio.NewScanner(in.Reader(ctx)); scan.Scan(); {
				fmt.Fprintln(w, scan.Text())
			}
			return nil
		})
		p := emit("short\n", strings.Repeat("x", bufio.MaxScanTokenSize+1)+"\n", "lost\n").Via(lines).To(s.sink())
		_, err := p.Run(t.Context())
		if wantNode(t, err, "lines"); !errors.Is(err, pipeline.ErrInputLeft) {
			t.Errorf("error %v", err)
		}
		s.wantUndone(t, pipeline.ErrInputLeft)
	})
}

// A node that goes on behind a nested one that had enough is held to the end again.
func TestInputLeftBehindANestedNode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sink := pipeline.NewSink("outer", func(ctx context.Context, in *pipeline.Inlet) error {
			if err := readN(1).Run(ctx, in); err != nil {
				return err
			}
			c, err := in.Next(ctx)
			c.Release()
			return err
		})
		_, err := emit("a", "b", "c").To(sink).Run(t.Context())
		if wantNode(t, err, "outer"); !errors.Is(err, pipeline.ErrInputLeft) {
			t.Errorf("error %v", err)
		}
	})
}

// A node that was stopped returns what it likes.
func TestStoppedReturnsAnything(t *testing.T) {
	for _, answer := range []error{nil, pipeline.Enough, errBoom, io.EOF} {
		bubble(t, func(t *testing.T) {
			stopped := pipeline.NewStage("stopped", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				for c, err := range in.Chunks(ctx) {
					if err != nil || out.Send(ctx, c) != nil {
						break
					}
				}
				return answer
			})
			run(t, endless("x").Via(stopped).To(readN(3)), nil)
		})
	}
}

// Only Enough itself is a word; wrapped in something it is an error like any other. A source has no
// input that it could have enough of, so it is done.
func TestEnoughIsExact(t *testing.T) {
	bubble(t, func(t *testing.T) {
		wrapped := pipeline.NewSink("wraps", func(context.Context, *pipeline.Inlet) error { return fmt.Errorf("x: %w", pipeline.Enough) })
		_, err := emit("a").To(wrapped).Run(t.Context())
		wantNode(t, err, "wraps")
		var s store
		run(t, emitThen(pipeline.Enough, "a").To(s.sink()), nil)
		s.wantPublished(t, "a")
	})
}

// What Enough leaves behind is no longer owed: a promise is, and so is what a Writer holds.
func TestEnoughKeepsPromises(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for size, want := range map[int64]error{3: nil, 4: io.ErrUnexpectedEOF} {
			stage := pipeline.NewStage("head", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				out.SetSize(size)
				if _, err := io.CopyN(out.Writer(ctx), in.Reader(ctx), 3); err != nil {
					return err
				}
				return pipeline.Enough
			})
			var s store
			_, err := emit("abcdef").Via(stage).To(s.sink()).Run(t.Context())
			if !errors.Is(err, want) || (err == nil) != (want == nil) || err == nil && string(s.published) != "abc" {
				t.Errorf("promised %d: %v, published %q", size, err, s.published)
			}
		}
	})
}

// Branches that may fail fail in the same way, and only they.
func TestInputLeftInABranch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var s store
		report := run(t, emit("a", "b").To(pipeline.Tee(s.sink(), pipeline.BestEffort(nothing()), pipeline.Lossy(nothing(), 1<<20))), nil)
		s.wantPublished(t, "ab")
		if len(report.Detached) != 2 || !errors.Is(report.Detached[0], pipeline.ErrInputLeft) || !errors.Is(report.Detached[1], pipeline.ErrInputLeft) {
			t.Errorf("detached %v", report.Detached)
		}
	})
}
