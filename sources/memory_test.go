package sources_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sources"
)

func TestBytes(t *testing.T) {
	for _, size := range []int{0, 1, 256<<10 - 1, 256 << 10, 256<<10 + 1, 3 << 20} {
		want := text(size)
		got, promised, err := drain(t.Context(), sources.Bytes(want))
		if err != nil || !bytes.Equal(got, want) || promised != int64(size) {
			t.Errorf("%d bytes: got %d, promised %d, %v", size, len(got), promised, err)
		}
	}
}

func TestBytesConforms(t *testing.T) {
	want := text(600_000)
	pipetest.TestSource(t, func() pipeline.Source { return sources.Bytes(want) }, want)
}

// A stage that changes chunks in place gets copies.
func TestBytesStayAsTheyAre(t *testing.T) {
	b := text(1000)
	spoil := pipeline.NewStage("spoil", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			c = c.Mutable()
			clear(c.Bytes())
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	got, _, err := drain(t.Context(), sources.Bytes(b).Via(spoil))
	if err != nil || !bytes.Equal(got, make([]byte, 1000)) || !bytes.Equal(b, text(1000)) {
		t.Errorf("got %q, %v, and have %q", got, err, b)
	}
}

func TestChan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := make(chan []byte)
		go func() {
			for _, s := range []string{"one ", "", "two ", "three"} {
				ch <- []byte(s)
			}
			close(ch)
		}()
		source := sources.Chan(ch)
		if got, promised, err := drain(t.Context(), source); err != nil || string(got) != "one two three" || promised != -1 {
			t.Errorf("got %q, promised %d, %v", got, promised, err)
		}
		if got, _, err := drain(t.Context(), source); err != nil || len(got) != 0 {
			t.Errorf("a second run: got %q, %v", got, err)
		}
	})
	if _, _, err := drain(t.Context(), sources.Chan(nil)); err == nil || err.Error() != "chan: ch is nil: want a channel" {
		t.Errorf("got %v", err)
	}
}

func TestChanIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("cause")
		ctx, cancel := context.WithCancelCause(context.Background())
		done := make(chan error, 1)
		ch := make(chan []byte)
		go func() {
			_, _, err := drain(ctx, sources.Chan(ch))
			done <- err
		}()
		synctest.Wait()
		cancel(cause)
		if err := <-done; err != cause {
			t.Errorf("got %v", err)
		}
		select {
		case ch <- []byte("x"):
			t.Error("somebody still receives")
		default:
		}
	})
}

func TestChanConforms(t *testing.T) {
	want := text(100_000)
	pipetest.TestSourceWith(t, func() pipeline.Source {
		// Every run needs a channel of its own.
		return pipeline.NewSource("around", func(ctx context.Context, out *pipeline.Outlet) error {
			ch := make(chan []byte, 20)
			for b := range slices.Chunk(want, 10_000) {
				ch <- b
			}
			close(ch)
			return sources.Chan(ch).Run(ctx, out)
		})
	}, pipetest.SourceOptions{Blocked: func() pipeline.Source { return sources.Chan(make(chan []byte)) }}, want)
}

// pieces yields b in pieces, always in the same buffer, and then err if it is not nil.
func pieces(b []byte, size int, err error) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		buf := make([]byte, size)
		for p := range slices.Chunk(b, size) {
			if !yield(buf[:copy(buf, p)], nil) {
				return
			}
		}
		if err != nil {
			yield([]byte("not this"), err)
		}
	}
}

func TestSeq(t *testing.T) {
	boom := errors.New("boom")
	for _, size := range []int{1, 1000, 256 << 10, 256<<10 + 1, 1 << 20} {
		want := text(min(1<<20, 1000*size))
		if got, _, err := drain(t.Context(), sources.Seq(pieces(want, size, nil))); err != nil || !bytes.Equal(got, want) {
			t.Errorf("pieces of %d: got %d bytes, want %d, %v", size, len(got), len(want), err)
		}
		if got, _, err := drain(t.Context(), sources.Seq(pieces(want, size, boom))); !errors.Is(err, boom) || err.Error() != "seq: boom" || got != nil {
			t.Errorf("pieces of %d: got %d bytes, %v, want boom", size, len(got), err)
		}
	}
	if _, _, err := drain(t.Context(), sources.Seq(nil)); err == nil || err.Error() != "seq: seq is nil: want a sequence" {
		t.Errorf("got %v", err)
	}
	if got, _, err := drain(t.Context(), sources.Seq(func(yield func([]byte, error) bool) { yield(nil, nil) })); err != nil || len(got) > 0 {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSeqConforms(t *testing.T) {
	want := text(100_000)
	pipetest.TestSource(t, func() pipeline.Source { return sources.Seq(pieces(want, 3000, nil)) }, want)
}

// A sequence is left when nobody wants more.
func TestSeqIsLeft(t *testing.T) {
	left := false
	endless := func(yield func([]byte, error) bool) {
		defer func() { left = true }()
		for yield([]byte("x"), nil) {
		}
	}
	if _, err := sources.Seq(endless).To(enough(10)).Run(t.Context()); err != nil || !left {
		t.Errorf("left: %t, %v", left, err)
	}
}
