package stages

import (
	"context"
	"errors"
	"math"

	"github.com/weirflow/weir/pipeline"
)

// Map passes a stream through f, chunk by chunk. f appends to dst, which is empty and
// has room, what becomes of src and returns the result, as strconv.AppendInt and its
// like do. It must not change src and keeps neither slice. A result in memory of its
// own, because dst grew or was not used, belongs to the stream from then on: f must
// not write to it again.
//
// Where chunks are cut is chance, so f must not depend on it: what it makes of "ab"
// has to be what it makes of "a" followed by what it makes of "b". Changing case or
// translating bytes is such a function, replacing a word is not. f is called by one
// goroutine of each run; if it keeps state, the stage is for one run.
//
//   - Emits: one chunk for each that comes, unless f returns nothing.
//   - Ends: with the stream.
//   - Holds: one chunk of output. If f makes more of its input, the room in dst follows,
//     up to 1 MiB, so that a steady f does not allocate.
//   - Fails: with what f returns, or if f is nil. A panic in f is a *pipeline.PanicError.
func Map(f func(dst, src []byte) ([]byte, error)) pipeline.Stage {
	return pipeline.NewStage("map", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		if f == nil {
			return errors.New("f is nil: want a function")
		}
		ratio := 1.0 // bytes out for a byte in, the last time; at least 1
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

// maxRoom is the most bytes that Map offers f beyond the length of its input; more
// does not come from the pool.
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
		i := cap(dst) - cap(b) // not 0 if f cut off what it appended first
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
