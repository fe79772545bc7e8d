package pipetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing/iotest"

	"github.com/weirflow/weir/pipeline"
)

// Source returns the source that emits b, cut at the given offsets, which must not
// decrease. Without cuts b is one chunk. The chunks are copies from the pool; b is
// read whenever the source runs and must not change meanwhile. An empty piece, as
// between two equal cuts, is not delivered (an empty chunk never is).
func Source(b []byte, cuts ...int) pipeline.Source {
	return pipeline.NewSource("input", func(ctx context.Context, out *pipeline.Outlet) error {
		return emit(ctx, out, b, cuts, chunk)
	})
}

// emit sends b, cut at offsets, as the chunks that convert returns for its pieces.
func emit(ctx context.Context, out *pipeline.Outlet, b []byte, cuts []int, convert func([]byte) pipeline.Chunk) error {
	pieces, err := cut(b, cuts)
	if err != nil {
		return err
	}
	for _, piece := range pieces {
		if err := out.Send(ctx, convert(piece)); err != nil {
			return err
		}
	}
	return nil
}

// cut cuts b at offsets that do not decrease.
func cut(b []byte, cuts []int) ([][]byte, error) {
	var pieces [][]byte
	from := 0
	for _, at := range cuts {
		if at < from || at > len(b) {
			return nil, fmt.Errorf("cut at offset %d: want %d to %d, cuts in order", at, from, len(b))
		}
		pieces = append(pieces, b[from:at])
		from = at
	}
	return append(pieces, b[from:]), nil
}

// chunk returns a copy of b from the pool.
func chunk(b []byte) pipeline.Chunk {
	c := pipeline.NewChunk(len(b))
	copy(c.Bytes(), b)
	return c
}

// bytewise is how many bytes at either end of an input are sent one by one. More
// chunks of a byte, each in a poisoned buffer of 4 KiB, would cost seconds under
// the race detector and find nothing new.
const bytewise = 300

// A feed is one way to hand the same input to a stage or sink.
type feed struct {
	name   string
	source func() pipeline.Source
	// intact returns an error if a node wrote to bytes that it does not own. It may be nil.
	intact func() error
}

// feeds returns the ways to cut b.
func feeds(b []byte) []feed {
	n := len(b)
	var single []int
	for at := 1; at < n; at++ {
		if at <= bytewise || at >= n-bytewise {
			single = append(single, at)
		}
	}
	copied := func(name string, cuts ...int) feed {
		return feed{name: name, source: func() pipeline.Source { return Source(b, cuts...) }}
	}
	all := []feed{copied("whole"), copied("halved", n/2), copied("in tenths", evenly(n, 10)...), copied("byte by byte", single...)}
	for seed := range 3 {
		all = append(all, copied(fmt.Sprintf("randomly cut (%d)", seed), randomly(n, 24, uint64(seed))...))
	}
	all = append(all,
		adopted("adopted whole", b, nil),
		adopted("adopted in pieces", b, randomly(n, 12, 7)),
		feed{name: "with a promised size", source: func() pipeline.Source { return sized(b, evenly(n, 7)) }},
	)
	for _, r := range readers {
		if r.slow && n > 2*bytewise {
			continue
		}
		all = append(all, feed{name: r.name, source: func() pipeline.Source {
			return pipeline.NewSource("input", func(ctx context.Context, out *pipeline.Outlet) error {
				return out.CopyFrom(ctx, r.wrap(bytes.NewReader(b)))
			})
		}})
	}
	return all
}

// readers are the ways in which an io.Reader may deliver.
var readers = []struct {
	name string
	slow bool // a chunk a byte
	wrap func(io.Reader) io.Reader
}{
	{"bytes.Reader", false, func(r io.Reader) io.Reader { return r }},
	{"iotest.OneByteReader", true, iotest.OneByteReader},
	{"iotest.HalfReader", false, iotest.HalfReader},
	{"iotest.DataErrReader", false, iotest.DataErrReader},
	{"iotest.DataErrReader of HalfReader", false, func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.HalfReader(r)) }},
}

// adopted feeds chunks that share the feed's memory, and checks that nothing wrote to them.
func adopted(name string, b []byte, cuts []int) feed {
	own := bytes.Clone(b)
	return feed{
		name: name,
		source: func() pipeline.Source {
			return pipeline.NewSource("input", func(ctx context.Context, out *pipeline.Outlet) error {
				return emit(ctx, out, own, cuts, pipeline.ChunkOf)
			})
		},
		intact: func() error {
			if i := differ(own, b); i >= 0 {
				return fmt.Errorf("byte %d of a shared chunk was written to: only a chunk from Mutable may be", i)
			}
			return nil
		},
	}
}

// sized feeds b with its size promised.
func sized(b []byte, cuts []int) pipeline.Source {
	return pipeline.NewSource("input", func(ctx context.Context, out *pipeline.Outlet) error {
		out.SetSize(int64(len(b)))
		return Source(b, cuts...).Run(ctx, out)
	})
}

// evenly returns cuts that make n bytes into at most parts chunks of about equal
// length, none empty.
func evenly(n, parts int) []int {
	var cuts []int
	for i := 1; i < parts; i++ {
		if at := i * n / parts; at > 0 && at < n && (len(cuts) == 0 || at > cuts[len(cuts)-1]) {
			cuts = append(cuts, at)
		}
	}
	return cuts
}

// randomly returns up to count cuts of n bytes, always the same for one seed; short
// and long pieces mix.
func randomly(n, count int, seed uint64) []int {
	rnd := rand.New(rand.NewPCG(seed, 0))
	var cuts []int
	for at := 0; len(cuts) < count; {
		step := 1 + rnd.IntN(4)
		if rnd.IntN(2) == 0 {
			step = 1 + rnd.IntN(max(1, 2*n/count))
		}
		if at += step; at >= n {
			break
		}
		cuts = append(cuts, at)
	}
	return cuts
}

// differ returns the first offset at which a and b are not the same, or -1.
func differ(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

// compare returns an error that shows the first difference between got and want.
func compare(got, want []byte) error {
	i := differ(got, want)
	if i < 0 {
		return nil
	}
	show := func(b []byte) string {
		from, to := max(0, i-8), min(len(b), i+8)
		if from >= to {
			return "nothing"
		}
		return fmt.Sprintf("%q", b[from:to])
	}
	return fmt.Errorf("got %d bytes, want %d; they differ at byte %d: got %s there, want %s", len(got), len(want), i, show(got), show(want))
}

// sample returns n bytes without short repetitions: text, then noise.
func sample(n int) []byte {
	rnd := rand.New(rand.NewPCG(uint64(n), 1))
	b := make([]byte, 0, n+32)
	for line := 0; len(b) < n/2; line++ {
		b = fmt.Appendf(b, "line %d: %d\n", line, rnd.IntN(1000))
	}
	for len(b) < n {
		b = append(b, byte(rnd.Uint32()))
	}
	return b[:n]
}
