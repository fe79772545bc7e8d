package stages_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"sync"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

// ignore is a done that has no use for the digest.
func ignore([]byte) error { return nil }

func TestHash(t *testing.T) {
	for _, n := range []int{0, 1, 100_000} {
		in := noise(n, 1)
		var got []byte
		r := must(t, sized(in, jitter(3000, 2)), stages.Hash(sha256.New, func(sum []byte) error { got = sum; return nil }))
		equal(t, "output", r.data, in)
		if want := sha256.Sum256(in); !bytes.Equal(got, want[:]) {
			t.Errorf("%d bytes: got %x, want %x", n, got, want)
		}
		if r.size != int64(n) {
			t.Errorf("promised %d, want %d", r.size, n)
		}
	}
}

// Each run has a hash of its own, at once too.
func TestHashOfManyRuns(t *testing.T) {
	var mu sync.Mutex
	sums := make(map[string]int)
	stage := stages.Hash(sha256.New, func(sum []byte) error {
		mu.Lock()
		defer mu.Unlock()
		sums[string(sum)]++
		return nil
	})
	in := noise(100_000, 3)
	var runs sync.WaitGroup
	for range 4 {
		runs.Go(func() {
			if _, err := run(t.Context(), feed(in, every(1000)), stage); err != nil {
				t.Error(err)
			}
		})
	}
	runs.Wait()
	want := sha256.Sum256(in)
	if len(sums) != 1 || sums[string(want[:])] != 4 {
		t.Errorf("%x, want 4 times %x", sums, want)
	}
}

// A digest that is refused fails the run; one of a part of the stream is not reported.
func TestHashEnds(t *testing.T) {
	wrong := errors.New("another digest")
	if _, err := run(t.Context(), feed([]byte("abc"), whole), stages.Hash(sha256.New, func([]byte) error { return wrong })); !errors.Is(err, wrong) {
		t.Errorf("%v, want %v", err, wrong)
	}
	called := false
	must(t, feed(make([]byte, 8<<20), every(64<<10)), stages.Hash(sha256.New, func([]byte) error { called = true; return nil }).Via(stages.Take(1)))
	if called {
		t.Error("the digest of a part is reported")
	}
}

func TestHashOfNothing(t *testing.T) {
	for _, stage := range []pipeline.Stage{stages.Hash(nil, ignore), stages.Hash(func() hash.Hash { return sha256.New() }, nil)} {
		if _, err := run(t.Context(), feed([]byte("x"), whole), stage); err == nil || err.Error() != "digest: begin or done is nil: want functions" {
			t.Error(err)
		}
	}
}
