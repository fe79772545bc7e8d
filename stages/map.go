package stages

import (
	"context"
	"errors"
	"math"

	"github.com/weirflow/weir/pipeline"
)

// Map passes a stream through f, chunk by chunk. f appends its output for src to dst,
// which is empty and has capacity, and returns the result, like strconv.AppendInt. It must
// not change src, and must retain neither slice. A result in other memory, because dst grew
// or was not used, belongs to the stream: f must not write to it again.
//
// Chunk boundaries are arbitrary, so f must not depend on them: its output for "ab"
// must be that for "a" followed by that for "b". Translating bytes, or changing the case of ASCII letters,
// is such a function; replacing a word is not, nor is bytes.ToUpper, because a cut may go through a character. f is called by one
// goroutine of each run; if it keeps state, the stage is for one run.
//
//   - Emits: one chunk for each chunk of input, unless f returns an empty slice.
//   - Ends: with the stream.
//   - Holds: one chunk of output. If the output is longer than the input, the capacity of
//     dst grows with it, up to 1 MiB, so that an f with a steady ratio does not allocate.
//   - Fails: with the error of f, or if f is nil. A panic in f is a *pipeline.PanicError.
func Map(f func(dst, src []byte) ([]byte, error)) pipeline.Stage {
	return pipeline.NewStage("map", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		if f == nil {
			return errors.New("f is nil: want a function")
		}
		ratio := 1.0 // of output to input of the previous chunk; at least 1
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			room := max(c.Len(), min(int(math.Ceil(ratio*float64(c.Len()))), maxRoom))
			mapped, err := apply(f, pipeline.NewChunk(room), c.Bytes())
			if err == nil {
				ratio = max(1, float64(mapped.Len())/float64(c.Len()))
			}
			c.Release()
			if err != nil {
				return err
			}
			if err := out.Send(ctx, mapped); err != nil {
				return err
			}
		}
		return nil
	})
}

// maxRoom is the largest capacity of dst, unless the input is longer: the pool has no larger
// buffers.
const maxRoom = 1 << 20

// apply returns f(dst, src) as a chunk: room itself if f stayed within it.
func apply(f func(dst, src []byte) ([]byte, error), room pipeline.Chunk, src []byte) (pipeline.Chunk, error) {
	dst := room.Bytes()[:0]
	b, err := f(dst, src)
	switch {
	case err != nil || len(b) == 0:
		room.Release()
		return pipeline.Chunk{}, err
	case sameArray(b, dst):
		i := cap(dst) - cap(b) // not 0 if f dropped the start of its output
		return room.Slice(i, i+len(b)), nil
	case sameArray(b, src): // src is about to be released
		room.Release()
		room = pipeline.NewChunk(len(b))
		copy(room.Bytes(), b)
		return room, nil
	}
	room.Release()
	return pipeline.ChunkOf(b), nil
}

// sameArray reports whether a and b end at the same byte of one array when extended
// to their capacity, as do all slices of a slice but those with a limited capacity.
func sameArray(a, b []byte) bool {
	return cap(a) > 0 && cap(b) > 0 && &a[:cap(a)][cap(a)-1] == &b[:cap(b)][cap(b)-1]
}
