package stages_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

// words is a source of a little text in several chunks.
func words(chunks ...string) pipeline.Source {
	return pipeline.NewSource("words", func(ctx context.Context, out *pipeline.Outlet) error {
		for _, s := range chunks {
			if err := out.Send(ctx, pipeline.ChunkOf([]byte(s))); err != nil {
				return err
			}
		}
		return nil
	})
}

// stdout is a sink that prints what it gets.
var stdout = pipeline.NewSink("stdout", func(ctx context.Context, in *pipeline.Inlet) error {
	return in.CopyTo(ctx, os.Stdout)
})

// A function that looks at one byte at a time does not depend on where chunks are cut.
func ExampleMap() {
	upper := stages.Map(func(dst, src []byte) ([]byte, error) {
		for _, b := range src {
			if 'a' <= b && b <= 'z' {
				b -= 'a' - 'A'
			}
			dst = append(dst, b)
		}
		return dst, nil
	})
	if _, err := words("bytes in, ", "bytes out\n").Via(upper).To(stdout).Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: BYTES IN, BYTES OUT
}

// An error from the function fails the run, with the stage's name in front.
func ExampleMap_check() {
	ascii := stages.Map(func(dst, src []byte) ([]byte, error) {
		for _, b := range src {
			if b > 127 {
				return nil, fmt.Errorf("byte %#x is not ASCII", b)
			}
		}
		return append(dst, src...), nil
	})
	_, err := words("naïve\n").Via(ascii).To(stdout).Run(context.Background())
	fmt.Println(err)
	// Output: map: byte 0xc3 is not ASCII
}

// The digest of what went into the compressor, in one pass.
func ExampleHash() {
	digest := stages.Hash(sha256.New, func(sum []byte) error {
		fmt.Printf("%x\n", sum)
		return nil
	})
	var z bytes.Buffer
	sink := pipeline.NewSink("buffer", func(ctx context.Context, in *pipeline.Inlet) error { return in.CopyTo(ctx, &z) })
	if _, err := words("a stream", " to sign").Via(digest).Via(stages.Gzip(6)).To(sink).Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: 7e4921fecbd52f306bbac8cd2a8db7a64073ec12655732cc934f17931352554b
}

// Part of a stream: an endless one ends behind Take.
func ExampleTake() {
	yes := pipeline.NewSource("yes", func(ctx context.Context, out *pipeline.Outlet) error {
		w := out.Writer(ctx)
		for {
			if _, err := fmt.Fprintln(w, "yes"); err != nil {
				return err
			}
		}
	})
	if _, err := yes.Via(stages.Skip(4)).Via(stages.Take(8)).To(stdout).Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// yes
	// yes
}

// Compressed in one flow, and decompressed in another.
func ExampleGzip() {
	var packed bytes.Buffer
	sink := pipeline.NewSink("buffer", func(ctx context.Context, in *pipeline.Inlet) error { return in.CopyTo(ctx, &packed) })
	if _, err := words("there ", "and back\n").Via(stages.Gzip(9)).To(sink).Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	if _, err := words(packed.String()).Via(stages.Gunzip()).To(stdout).Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: there and back
}

// An error of the data says at which byte it shows.
func ExampleGunzip() {
	_, err := words("plain text").Via(stages.Gunzip()).To(stdout).Run(context.Background())
	var corrupt *stages.CorruptError
	fmt.Println(errors.As(err, &corrupt), err)
	// Output: true gunzip: byte 0: not gzip data
}

// The first bytes of a stream are left out.
func ExampleSkip() {
	if _, err := words("header: ", "body\n").Via(stages.Skip(8)).To(stdout).Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: body
}

// A look at what passes by.
func ExampleTap() {
	total := 0
	count := stages.Tap(func(b []byte) { total += len(b) })
	if _, err := words("what passes ", "by\n").Via(count).To(stdout).Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(total, "bytes")
	// Output:
	// what passes by
	// 15 bytes
}

// Chunks of one size, for a consumer that wants them so.
func ExampleRechunk() {
	sink := pipeline.NewSink("chunks", func(ctx context.Context, in *pipeline.Inlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			fmt.Printf("%q\n", c.Bytes())
			c.Release()
		}
		return nil
	})
	if _, err := words("a", "bcdef", "gh").Via(stages.Rechunk(3)).To(sink).Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// "abc"
	// "def"
	// "gh"
}

// A megabyte per second at most.
func ExampleLimit() {
	if _, err := words("slowly\n").Via(stages.Limit(1 << 20)).To(stdout).Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: slowly
}
