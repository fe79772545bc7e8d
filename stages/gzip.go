package stages

import (
	"compress/gzip"
	"context"
	"fmt"
	"sync"

	"github.com/weirflow/weir/pipeline"
)

// Gzip compresses a stream into one gzip member (RFC 1952) without name or time, so
// that equal input gives equal output. level is that of compress/gzip: 1 is fast, 9
// is small, 0 stores, gzip.DefaultCompression (-1) is 6, gzip.HuffmanOnly (-2) does not
// search for repetitions.
//
//   - Emits: a chunk when it is full. The encoder is not flushed when the stream pauses:
//     the output would then depend on timing.
//   - Ends: with the stream. An empty one becomes an empty member.
//   - Holds: a chunk and the encoder, about 1 MiB, which later runs reuse.
//   - Fails: if level is invalid, before it reads anything.
func Gzip(level int) pipeline.Stage {
	return pipeline.NewStage("gzip", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		if level < gzip.HuffmanOnly || level > gzip.BestCompression {
			return fmt.Errorf("invalid compression level: %d: want 0 to 9, -1 (default) or -2 (Huffman only)", level)
		}
		z, err := newGzipper(level, out.Writer(ctx))
		if err != nil {
			return err
		}
		defer z.free()
		if err := in.CopyTo(ctx, z); err != nil {
			return err
		}
		return z.close()
	})
}

// gzipBlock is the size of a Write to the encoder. The matches that compress/flate finds
// depend on how its input is cut: it shifts its window when a Write has filled it to
// within a match's length, so a match near 32 KiB back may be out of reach or not.
// With Writes of one size, at multiples of it, the output depends on the bytes alone.
const gzipBlock = 32 << 10

// gzipper feeds an encoder. The encoder writes through it, so that an idle one in the pool
// does not reference an earlier run.
type gzipper struct {
	level int
	w     *pipeline.Writer
	zw    *gzip.Writer
	n     int // bytes in block
	block [gzipBlock]byte
}

// gzippers holds idle encoders, in one pool for each level.
var gzippers [gzip.BestCompression - gzip.HuffmanOnly + 1]sync.Pool

func newGzipper(level int, w *pipeline.Writer) (*gzipper, error) {
	z, _ := gzippers[level-gzip.HuffmanOnly].Get().(*gzipper)
	if z == nil {
		z = &gzipper{level: level}
		var err error
		if z.zw, err = gzip.NewWriterLevel(nil, level); err != nil {
			return nil, err
		}
	}
	z.w, z.n = w, 0
	z.zw.Reset(gzipOut{z})
	return z, nil
}

// free returns z to the pool, in any state: it is reset before it is reused.
func (z *gzipper) free() {
	z.w = nil
	gzippers[z.level-gzip.HuffmanOnly].Put(z)
}

// Write compresses p.
func (z *gzipper) Write(p []byte) (n int, err error) {
	for n < len(p) {
		rest := p[n:]
		if z.n == 0 && len(rest) >= gzipBlock {
			if _, err := z.zw.Write(rest[:gzipBlock]); err != nil {
				return n, err
			}
			n += gzipBlock
			continue
		}
		m := copy(z.block[z.n:], rest)
		z.n += m
		n += m
		if z.n == gzipBlock {
			z.n = 0
			if _, err := z.zw.Write(z.block[:]); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// close ends the member and sends it.
func (z *gzipper) close() error {
	if _, err := z.zw.Write(z.block[:z.n]); err != nil {
		return err
	}
	if err := z.zw.Close(); err != nil {
		return err
	}
	return z.w.Flush()
}

// gzipOut is the writer of a gzipper's encoder.
type gzipOut struct{ *gzipper }

func (o gzipOut) Write(p []byte) (int, error) { return o.w.Write(p) }
