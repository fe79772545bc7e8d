package stages_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

// S60
func TestTakeAndSkipCountOverChunks(t *testing.T) {
	in := noise(1000, 60)
	for _, cut := range []int{1, 7, 99, 100, 101, 999, 1000} {
		for _, n := range []int{0, 1, 99, 100, 101, 199, 200, 999, 1000, 1001, 5000} {
			at := min(n, len(in))
			name := fmt.Sprintf("%d bytes of 1000 in chunks of %d", n, cut)

			r := must(t, feed(in, every(cut)), stages.Take(int64(n)))
			equal(t, "take "+name, r.data, in[:at])
			if r.size >= 0 && n > 0 {
				t.Errorf("take %s: promised %d", name, r.size)
			}
			if r := must(t, sized(in, every(cut)), stages.Take(int64(n))); r.size != int64(at) || !r.eof {
				t.Errorf("take %s: promised %d, want %d", name, r.size, at)
			}

			r = must(t, feed(in, every(cut)), stages.Skip(int64(n)))
			equal(t, "skip "+name, r.data, in[at:])
			if r.size >= 0 {
				t.Errorf("skip %s: promised %d", name, r.size)
			}
			if r := must(t, sized(in, every(cut)), stages.Skip(int64(n))); r.size != int64(len(in)-at) || !r.eof {
				t.Errorf("skip %s: promised %d, want %d", name, r.size, len(in)-at)
			}
		}
	}
}

// S60: an endless source behind Take ends.
func TestTakeStopsUpstream(t *testing.T) {
	for _, n := range []int64{0, 1, 3, 4, 5, 100_000} {
		synctest.Test(t, func(t *testing.T) {
			var cause error
			source := pipeline.NewSource("watched", func(ctx context.Context, out *pipeline.Outlet) error {
				err := endless([]byte("abcd")).Run(ctx, out)
				cause = context.Cause(ctx)
				return err
			})
			r := must(t, source, stages.Take(n))
			if int64(len(r.data)) != n || !errors.Is(cause, pipeline.ErrStopped) {
				t.Errorf("got %d bytes, want %d; the source ended with %v", len(r.data), n, cause)
			}
		})
	}
}

// Take has what it wants with its last byte: it must not wait for another chunk.
func TestTakeWaitsForNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := must(t, trickle(make(chan []byte), []byte("abcd")), stages.Take(4))
		equal(t, "output", r.data, []byte("abcd"))
	})
}

func TestTakeAndSkipNegative(t *testing.T) {
	for want, stage := range map[string]pipeline.Stage{
		"take: bytes -5: want 0 or more": stages.Take(-5),
		"skip: bytes -5: want 0 or more": stages.Skip(-5),
	} {
		if _, err := run(t.Context(), feed([]byte("x"), whole), stage); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A stream that is shorter than promised fails behind Take and Skip too.
func TestTakeAndSkipOfBrokenPromise(t *testing.T) {
	source := pipeline.NewSource("short", func(ctx context.Context, out *pipeline.Outlet) error {
		out.SetSize(10)
		return out.Send(ctx, chunkOf([]byte("12345")))
	})
	for _, stage := range []pipeline.Stage{stages.Take(8), stages.Skip(2)} {
		if _, err := run(t.Context(), source, stage); err == nil || err.Error() != "short: unexpected EOF: promised 10 bytes, delivered 5" {
			t.Error(err)
		}
	}
}

func TestTakeAndSkipMakeTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOf(rapid.Byte()).Draw(t, "in")
		n := rapid.Int64Range(0, int64(len(in)+3)).Draw(t, "n")
		cut := jitter(1+len(in)/2, rapid.Uint64().Draw(t, "seed"))
		head, err := run(context.Background(), feed(in, cut), stages.Take(n))
		if err != nil {
			t.Fatal(err)
		}
		tail, err := run(context.Background(), feed(in, cut), stages.Skip(n))
		if err != nil {
			t.Fatal(err)
		}
		if got := append(head.data, tail.data...); !bytes.Equal(got, in) {
			t.Fatalf("got %d bytes, want %d", len(got), len(in))
		}
		if want := min(int(n), len(in)); len(head.data) != want {
			t.Fatalf("took %d bytes, want %d", len(head.data), want)
		}
	})
}
