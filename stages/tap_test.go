package stages_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

func TestTap(t *testing.T) {
	in := noise(10_000, 1)
	var seen []byte
	r := must(t, sized(in, jitter(3000, 1)), stages.Tap(func(b []byte) { seen = append(seen, b...) }))
	equal(t, "seen", seen, in)
	equal(t, "output", r.data, in)
	if r.size != int64(len(in)) {
		t.Errorf("promised %d, want %d", r.size, len(in))
	}
	if r := must(t, sized(nil, whole), stages.Tap(func([]byte) { t.Error("called for an empty stream") })); r.size != 0 {
		t.Errorf("promised %d, want 0", r.size)
	}
}

// f sees a chunk while it is still this stage's.
func TestTapIsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		passed := 0
		sink := pipeline.NewSink("count", func(ctx context.Context, in *pipeline.Inlet) error {
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return err
				}
				passed++
				c.Release()
			}
			return nil
		})
		done := make(chan error)
		go func() {
			_, err := feed([]byte("abc"), every(1)).Via(stages.Tap(func([]byte) { <-proceed })).To(sink).Run(t.Context())
			done <- err
		}()
		for i := range 3 {
			synctest.Wait()
			if passed != i {
				t.Errorf("%d chunks have passed, want %d", passed, i)
			}
			proceed <- struct{}{}
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestTapFails(t *testing.T) {
	if _, err := run(t.Context(), feed([]byte("x"), whole), stages.Tap(nil)); err == nil || err.Error() != "tap: f is nil: want a function" {
		t.Error(err)
	}
	_, err := run(t.Context(), feed([]byte("x"), whole), stages.Tap(func([]byte) { panic("no") }))
	var crash *pipeline.PanicError
	if !errors.As(err, &crash) || crash.Node != "tap" {
		t.Error(err)
	}
}
