package stages

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/weirflow/weir/pipeline"
)

// CorruptError is the error of a decoder whose input is damaged, truncated, or of another
// format.
type CorruptError struct {
	Offset int64 // position in the input, in bytes, at which the error was detected
	Err    error // the cause; io.ErrUnexpectedEOF if the input is truncated
}

// Error returns the offset and the cause.
func (e *CorruptError) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.what()) }

// what describes the cause without the package names of the standard library's errors,
// and without their offsets, which count from the start of the member.
func (e *CorruptError) what() string {
	switch {
	case errors.As(e.Err, new(flate.CorruptInputError)):
		return "invalid deflate data"
	case errors.Is(e.Err, gzip.ErrChecksum):
		return "checksum or length does not match"
	case e.Err == io.ErrUnexpectedEOF: //nolint:errorlint // wrapped, it says more
		return "truncated"
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *CorruptError) Unwrap() error { return e.Err }

// headerError is a gzip.ErrHeader with a more precise message.
type headerError string

func (e headerError) Error() string { return string(e) }
func (e headerError) Unwrap() error { return gzip.ErrHeader }

const (
	errNotGzip  headerError = "not gzip data"
	errTrailing headerError = "trailing data that is neither a gzip member nor zeros"
	errSum      headerError = "checksum of the gzip header does not match"
)

// Gunzip decompresses gzip (RFC 1952), all its members, and accepts trailing zeros
// as padding. The checksum of a member follows its data, so bytes leave this stage before
// they are verified; a sink publishes them only after the whole stream has been. Names,
// comments and extra fields may have any length and are ignored; the checksum of a header is
// verified.
//
//   - Emits: full chunks, and before it waits for input, what it has decoded: everything
//     that the compressor has flushed.
//   - Ends: with the stream.
//   - Holds: a chunk and the decoder, about 80 KiB, which later runs reuse.
//   - Fails: with a [*CorruptError] if the stream is truncated (an empty one included),
//     damaged, not gzip, or followed by other data. It unwraps to io.ErrUnexpectedEOF,
//     gzip.ErrHeader, gzip.ErrChecksum or a flate.CorruptInputError.
func Gunzip() pipeline.Stage {
	return pipeline.NewStage("gunzip", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		d := newGunzipper(ctx, in, out.Writer(ctx))
		defer d.free()
		for first := true; ; first = false {
			more, err := d.begin(first)
			if err != nil {
				return err
			}
			if !more {
				return d.w.Flush()
			}
			if err := d.member(); err != nil {
				return err
			}
		}
	})
}

// gunzipper decodes one stream. It is also its decoder's reader, which counts
// the bytes. It has ReadByte because a flate decoder reads beyond the end of its data from
// a reader without it.
type gunzipper struct {
	ctx context.Context
	in  *pipeline.Inlet
	w   *pipeline.Writer

	chunk    pipeline.Chunk // holds unread
	unread   []byte         // the next bytes
	received int64          // bytes in total

	zr      io.ReadCloser // a flate decoder
	fixed   [8]byte       // fields of a header, or a trailer
	scratch [32 << 10]byte
}

// gunzippers holds idle decoders.
var gunzippers sync.Pool

func newGunzipper(ctx context.Context, in *pipeline.Inlet, w *pipeline.Writer) *gunzipper {
	d, _ := gunzippers.Get().(*gunzipper)
	if d == nil {
		d = new(gunzipper)
		d.zr = flate.NewReader(d)
	}
	d.ctx, d.in, d.w = ctx, in, w
	return d
}

// free releases unread input and returns d to the pool. It keeps only the memory of
// the decoder, which begin resets for each member.
func (d *gunzipper) free() {
	d.chunk.Release()
	d.ctx, d.in, d.w = nil, nil, nil
	d.chunk, d.unread, d.received = pipeline.Chunk{}, nil, 0
	gunzippers.Put(d)
}

// magic is the start of a member: gzip's signature, and the method deflate.
var magic = [3]byte{0x1f, 0x8b, 8}

// begin reads the header of the next member. It returns false if the stream ends there,
// or has only zeros left.
func (d *gunzipper) begin(first bool) (more bool, err error) {
	start := d.offset()
	for i := range magic {
		b, err := d.ReadByte()
		switch {
		case err == io.EOF && i == 0 && !first:
			return false, nil
		case err != nil:
			return false, d.explain(err, start)
		case b == 0 && i == 0 && !first:
			return false, d.zeros()
		case b != magic[i] && first:
			return false, &CorruptError{start, errNotGzip}
		case b != magic[i]:
			return false, &CorruptError{start, errTrailing}
		}
	}
	h := gzipHeader{d: d, sum: crc32.ChecksumIEEE(magic[:])}
	if err := h.read(); err != nil {
		return false, d.explain(err, start)
	}
	return true, d.zr.(flate.Resetter).Reset(d, nil)
}

// zeros reads padding to its end.
func (d *gunzipper) zeros() error {
	for {
		at := d.offset()
		b, err := d.ReadByte()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case b != 0:
			return &CorruptError{at, errTrailing}
		}
	}
}

// member decodes the data of a member, and verifies them with the trailer (RFC 1952 section 2.3.1).
func (d *gunzipper) member() error {
	var sum, size uint32
	for {
		n, err := d.zr.Read(d.scratch[:])
		b := d.scratch[:n]
		sum, size = crc32.Update(sum, crc32.IEEETable, b), size+uint32(n)
		if _, err := d.w.Write(b); err != nil {
			return err
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return d.explain(err, d.offset())
		}
	}
	at := d.offset()
	trailer := d.fixed[:8]
	if _, err := io.ReadFull(d, trailer); err != nil {
		return d.explain(err, at)
	}
	if binary.LittleEndian.Uint32(trailer[:4]) != sum || binary.LittleEndian.Uint32(trailer[4:]) != size {
		return &CorruptError{at, gzip.ErrChecksum}
	}
	return nil
}

// explain converts a decoder's error to that of Gunzip. An error of the input or the output is
// returned unchanged.
func (d *gunzipper) explain(err error, offset int64) error {
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF: //nolint:errorlint // decoders return them bare
		if d.ctx.Err() != nil { // its cause may be io.ErrUnexpectedEOF, too
			return context.Cause(d.ctx)
		}
		return &CorruptError{d.offset(), io.ErrUnexpectedEOF}
	case errors.Is(err, gzip.ErrHeader), errors.As(err, new(flate.CorruptInputError)):
		return &CorruptError{offset, err}
	}
	return err
}

// offset returns how many bytes have been read.
func (d *gunzipper) offset() int64 {
	return d.received - int64(len(d.unread))
}

// peek returns the next bytes, at least one.
func (d *gunzipper) peek() ([]byte, error) {
	if len(d.unread) == 0 {
		if err := d.next(); err != nil {
			return nil, err
		}
	}
	return d.unread, nil
}

// ReadByte implements io.ByteReader.
func (d *gunzipper) ReadByte() (byte, error) {
	b, err := d.peek()
	if err != nil {
		return 0, err
	}
	d.unread = b[1:]
	return b[0], nil
}

// Read implements io.Reader.
func (d *gunzipper) Read(p []byte) (int, error) {
	b, err := d.peek()
	if err != nil {
		return 0, err
	}
	n := copy(p, b)
	d.unread = b[n:]
	return n, nil
}

// next receives input. Before it waits for any, it sends what has been decoded.
func (d *gunzipper) next() error {
	d.chunk.Release()
	d.chunk = pipeline.Chunk{}
	if d.in.Buffered() == 0 {
		if err := d.w.Flush(); err != nil {
			return err
		}
	}
	c, err := d.in.Next(d.ctx)
	if err != nil {
		return err
	}
	d.chunk, d.unread = c, c.Bytes()
	d.received += int64(c.Len())
	return nil
}
