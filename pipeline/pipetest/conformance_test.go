package pipetest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
)

func passing(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error {
	return out.Send(ctx, c)
}

// take passes on the first n bytes and then has enough.
func take(n int) pipeline.Stage {
	return pipeline.NewStage("take", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		if err := out.CopyFrom(ctx, io.LimitReader(in.Reader(ctx), int64(n))); err != nil {
			return err
		}
		return pipeline.Enough
	})
}

func TestGoodStagesPass(t *testing.T) {
	pipetest.NoLeaks(t)
	pipetest.TestStage(t, func() pipeline.Stage { return each(passing) })
	pipetest.TestStage(t, func() pipeline.Stage { return pipeline.Stage{} })
	pipetest.TestStage(t, func() pipeline.Stage { return each(passing).Via(each(passing)) })
	pipetest.TestStageWith(t, func() pipeline.Stage { return take(5) }, pipetest.StageOptions{EndsEarly: true},
		pipetest.Case{Name: "longer", In: []byte("0123456789"), Out: []byte("01234")},
		pipetest.Case{Name: "as long", In: []byte("01234"), Out: []byte("01234")},
		pipetest.Case{Name: "shorter", In: []byte("012"), Out: []byte("012")},
	)
	pipetest.TestStageWith(t, func() pipeline.Stage {
		return each(func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error {
			if err := out.Send(ctx, c); err != nil {
				return err
			}
			return out.Send(ctx, pipeline.ChunkOf([]byte("|")))
		})
	}, pipetest.StageOptions{DependsOnCuts: true}, pipetest.Case{In: []byte("0123456789"), Out: []byte("0123456789|")})

	var idle atomic.Int64
	pipetest.TestStageWith(t, func() pipeline.Stage {
		var used atomic.Bool
		return pipeline.NewStage("once", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			if used.Swap(true) {
				return pipeline.ErrSingleUse
			}
			return each(passing).Run(ctx, in, out)
		})
	}, pipetest.StageOptions{SingleUse: true, Idle: func() { idle.Add(1) }})
	if idle.Load() == 0 {
		t.Error("Idle was not called")
	}

	errBad := errors.New("bad")
	pipetest.TestStage(t, func() pipeline.Stage {
		return pipeline.NewStage("strict", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			r, w := in.Reader(ctx).(io.ByteReader), out.Writer(ctx)
			for {
				b, err := r.ReadByte()
				if err == io.EOF {
					return nil
				}
				if err != nil {
					return err
				}
				if b == '!' {
					return errBad
				}
				if _, err := w.Write([]byte{b}); err != nil {
					return err
				}
			}
		})
	}, pipetest.Case{Name: "bad", In: []byte("good!"), Out: []byte("good"), Err: errBad},
		pipetest.Case{Name: "good", In: []byte("good"), Out: []byte("good")})
}

func TestGoodSourcesPass(t *testing.T) {
	pipetest.NoLeaks(t)
	data := bytes.Repeat([]byte("weir "), 2000)
	pipetest.TestSource(t, func() pipeline.Source { return pipetest.Source(data, 10, 10, 1000, 5000) }, data)
	pipetest.TestSource(t, func() pipeline.Source { return pipetest.Source(nil) }, nil)
	pipetest.TestSource(t, func() pipeline.Source {
		return pipeline.Concat(pipetest.Source(data[:100], 3), pipetest.Source(nil), pipetest.Source(data[100:], 100, 5000))
	}, data)
	pipetest.TestSourceWith(t, func() pipeline.Source {
		return pipeline.NewSource("endless", func(ctx context.Context, out *pipeline.Outlet) error {
			for {
				if err := out.Send(ctx, pipeline.ChunkOf(data)); err != nil {
					return err
				}
			}
		})
	}, pipetest.SourceOptions{Endless: true, Blocked: func() pipeline.Source {
		return pipeline.NewSource("blocked", func(ctx context.Context, _ *pipeline.Outlet) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
	}}, append(data[:len(data):len(data)], data[:7]...))
	pipetest.TestSourceWith(t, func() pipeline.Source {
		r, used := bytes.NewReader(data), new(atomic.Bool)
		return pipeline.NewSource("once", func(ctx context.Context, out *pipeline.Outlet) error {
			if used.Swap(true) {
				return pipeline.ErrSingleUse
			}
			return out.CopyFrom(ctx, r)
		})
	}, pipetest.SourceOptions{SingleUse: true}, data)
	pipetest.TestSourceWith(t, func() pipeline.Source {
		return pipeline.NewSource("broken", func(ctx context.Context, out *pipeline.Outlet) error {
			if err := out.CopyFrom(ctx, bytes.NewReader(data)); err != nil {
				return err
			}
			return io.ErrUnexpectedEOF
		})
	}, pipetest.SourceOptions{Err: io.ErrUnexpectedEOF}, data)
}

func TestGoodSinksPass(t *testing.T) {
	pipetest.NoLeaks(t)
	pipetest.TestSink(t, func(testing.TB) pipetest.Target {
		c := &pipetest.Collector{}
		return pipetest.Target{Sink: c.Sink(), Published: c.Published}
	})
	pipetest.TestSinkWith(t, func(testing.TB) pipetest.Target {
		c := &pipetest.Collector{}
		return pipetest.Target{Sink: Upper().To(c.Sink()), Published: c.Published}
	}, pipetest.SinkOptions{Want: func(b []byte) []byte { return upper(bytes.Clone(b)) }})
	pipetest.TestSink(t, func(testing.TB) pipetest.Target { // nobody can look
		return pipetest.Target{Sink: pipeline.NewSink("discard", func(ctx context.Context, in *pipeline.Inlet) error {
			return in.CopyTo(ctx, io.Discard)
		})}
	})
	pipetest.TestSinkWith(t, func(testing.TB) pipetest.Target {
		var p place
		return pipetest.Target{Published: p.published, Sink: pipeline.NewSink("device", func(ctx context.Context, in *pipeline.Inlet) error {
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return err
				}
				p.publish(c.Bytes())
				c.Release()
			}
			return nil
		})}
	}, pipetest.SinkOptions{PassesOn: true, Blocked: func() pipeline.Sink {
		return pipeline.NewSink("blocked", func(ctx context.Context, _ *pipeline.Inlet) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
	}})
	for _, o := range []pipetest.SinkOptions{{SingleUse: true}, {Once: true}} {
		pipetest.TestSinkWith(t, func(testing.TB) pipetest.Target {
			c, used := &pipetest.Collector{}, new(atomic.Bool)
			return pipetest.Target{Published: c.Published, Sink: pipeline.NewSink("once", func(ctx context.Context, in *pipeline.Inlet) error {
				if used.Swap(true) {
					return pipeline.ErrSingleUse
				}
				return c.Sink().Run(ctx, in)
			})}
		}, o)
	}
	pipetest.TestSinkWith(t, func(testing.TB) pipetest.Target {
		return pipetest.Target{Sink: take(5).To((&pipetest.Collector{}).Sink())}
	}, pipetest.SinkOptions{EndsEarly: true})
}
