package stages_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

func TestDigest(t *testing.T) {
	for _, n := range []int{0, 1, 100_000} {
		in := noise(n, 1)
		h := sha256.New()
		r := must(t, sized(in, jitter(3000, 2)), stages.Digest(h))
		equal(t, "output", r.data, in)
		if want := sha256.Sum256(in); !bytes.Equal(h.Sum(nil), want[:]) {
			t.Errorf("%d bytes: got %x, want %x", n, h.Sum(nil), want)
		}
		if r.size != int64(n) {
			t.Errorf("promised %d, want %d", r.size, n)
		}
	}
}

// S25
func TestDigestIsSingleUse(t *testing.T) {
	h := sha256.New()
	stage := stages.Digest(h)
	must(t, feed([]byte("abc"), whole), stage)
	want := h.Sum(nil)
	r, err := run(t.Context(), feed([]byte("abc"), whole), stage)
	if !errors.Is(err, pipeline.ErrSingleUse) || err.Error() != "digest: can be run only once" {
		t.Error(err)
	}
	if len(r.data) > 0 || !bytes.Equal(h.Sum(nil), want) {
		t.Error("the second run did something")
	}
}

func TestDigestOfNothing(t *testing.T) {
	if _, err := run(t.Context(), feed([]byte("x"), whole), stages.Digest(nil)); err == nil || err.Error() != "digest: h is nil: want a hash" {
		t.Error(err)
	}
}
