package stages_test

import (
	"errors"
	"testing"

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
