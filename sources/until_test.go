package sources_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sources"
)

// zip is a stage that has something to say at the end.
func zip() pipeline.Stage {
	return pipeline.NewStage("zip", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		zw := gzip.NewWriter(out.Writer(ctx))
		if err := in.CopyTo(ctx, zw); err != nil {
			return err
		}
		return zw.Close()
	})
}

func unzip(b []byte) ([]byte, error) {
	zr, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zr)
}

// The source ends, the stages inside and outside flush, and the result is published.
func TestUntil(t *testing.T) {
	for name, build := range map[string]func(done <-chan struct{}, source pipeline.Source) pipeline.Source{
		"a stage inside": func(done <-chan struct{}, s pipeline.Source) pipeline.Source {
			return sources.Until(done, s.Via(zip()))
		},
		"a stage outside": func(done <-chan struct{}, s pipeline.Source) pipeline.Source {
			return sources.Until(done, s).Via(zip())
		},
		"twice": func(done <-chan struct{}, s pipeline.Source) pipeline.Source {
			return sources.Until(done, sources.Until(nil, s.Via(zip())))
		},
		"around concat": func(done <-chan struct{}, s pipeline.Source) pipeline.Source {
			return sources.Until(done, pipeline.Concat(s, sources.Bytes([]byte("never")))).Via(zip())
		},
		"around merge": func(done <-chan struct{}, s pipeline.Source) pipeline.Source {
			return sources.Until(done, pipeline.Merge(s, sources.Chan(make(chan []byte)))).Via(zip())
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ch, done := make(chan []byte), make(chan struct{})
				var got []byte
				var size int64
				ended := make(chan error, 1)
				go func() {
					var err error
					got, size, err = drain(t.Context(), build(done, sources.Chan(ch)))
					ended <- err
				}()
				ch <- []byte("one ")
				ch <- []byte("two")
				synctest.Wait()
				close(done)
				if err := <-ended; err != nil || size != -1 {
					t.Fatalf("promised %d, %v", size, err)
				}
				if plain, err := unzip(got); err != nil || string(plain) != "one two" {
					t.Errorf("got %q, %v", plain, err)
				}
			})
		})
	}
}

// A promise of the source is broken by its early end, and that must not matter.
func TestUntilDropsThePromise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		promising := pipeline.NewSource("promising", func(ctx context.Context, out *pipeline.Outlet) error {
			out.SetSize(100)
			if err := out.Send(ctx, pipeline.ChunkOf([]byte("one"))); err != nil {
				return err
			}
			<-ctx.Done()
			return nil
		})
		go func() {
			synctest.Wait()
			close(done)
		}()
		if got, size, err := drain(t.Context(), sources.Until(done, promising)); err != nil || string(got) != "one" || size != -1 {
			t.Errorf("got %q, promised %d, %v", got, size, err)
		}
	})
}

// A source that ends or fails by itself does so.
func TestUntilNothingHappens(t *testing.T) {
	boom := errors.New("boom")
	for name, done := range map[string]chan struct{}{"nil": nil, "open": make(chan struct{})} {
		if got, size, err := drain(t.Context(), sources.Until(done, sources.Bytes([]byte("all")))); err != nil || string(got) != "all" || size != -1 {
			t.Errorf("%s: got %q, promised %d, %v", name, got, size, err)
		}
		if _, _, err := drain(t.Context(), sources.Until(done, sources.Seq(pieces([]byte("x"), 1, boom)))); !errors.Is(err, boom) || err.Error() != "seq: boom" {
			t.Errorf("%s: got %v", name, err)
		}
		if _, _, err := drain(t.Context(), sources.Until(done, pipeline.Source{})); err == nil {
			t.Errorf("%s: the zero Source runs", name)
		}
	}
}

// A done that is closed already gives an empty stream, and not less: gzip's of nothing is 23 bytes.
func TestUntilIsOverAlready(t *testing.T) {
	done := make(chan struct{})
	close(done)
	for range 200 {
		got, _, err := drain(t.Context(), sources.Until(done, sources.Chan(make(chan []byte)).Via(zip())))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := unzip(got); err != nil || len(plain) > 0 {
			t.Fatalf("got %q, unpacked %q, %v", got, plain, err)
		}
	}
}

// The end of the run's context is no graceful end.
func TestUntilIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("cause")
		ctx, cancel := context.WithCancelCause(context.Background())
		go func() {
			synctest.Wait()
			cancel(cause)
		}()
		got, _, err := drain(ctx, sources.Until(make(chan struct{}), sources.Chan(make(chan []byte)).Via(zip())))
		if err != cause || got != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestUntilConforms(t *testing.T) {
	want := text(100_000)
	pipetest.TestSourceWith(t, func() pipeline.Source { return sources.Until(make(chan struct{}), sources.Bytes(want)) },
		pipetest.SourceOptions{Blocked: func() pipeline.Source {
			return sources.Until(make(chan struct{}), sources.Chan(make(chan []byte)))
		}}, want)
}
