package stages

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// The flags of a gzip header (RFC 1952 section 2.3.1). The first one, that the data are text, means
// nothing to a decoder.
const (
	gzipHeaderCRC = 1 << (iota + 1)
	gzipExtra
	gzipName
	gzipComment
	gzipReserved = 0xe0
)

// A gzipHeader reads the header of a member. It keeps none of it, as a name and a comment may have any
// length; compress/gzip refuses those of more than 511 bytes.
type gzipHeader struct {
	d   *gunzipper
	sum uint32 // CRC-32 of what was read
}

// read reads what follows the magic.
func (h *gzipHeader) read() error {
	fixed, err := h.next(7) // flags, time, extra flags, operating system
	if err != nil {
		return err
	}
	flags := fixed[0]
	if reserved := flags & gzipReserved; reserved != 0 { // section 2.3.1.2
		return headerError(fmt.Sprintf("gzip header with reserved flags %#02x", reserved))
	}
	if flags&gzipExtra != 0 {
		size, err := h.next(2)
		if err != nil {
			return err
		}
		if err := h.skip(int(binary.LittleEndian.Uint16(size))); err != nil {
			return err
		}
	}
	for _, text := range []byte{gzipName, gzipComment} {
		if flags&text != 0 {
			if err := h.skipText(); err != nil {
				return err
			}
		}
	}
	if flags&gzipHeaderCRC != 0 {
		sum := uint16(h.sum) // the CRC16 is the lower half of the CRC-32
		want, err := h.next(2)
		if err != nil {
			return err
		}
		if binary.LittleEndian.Uint16(want) != sum {
			return errSum
		}
	}
	return nil
}

// next reads n bytes, at most 8. They are valid until it is called again.
func (h *gzipHeader) next(n int) ([]byte, error) {
	b := h.d.fixed[:n]
	_, err := io.ReadFull(h.d, b)
	h.sum = crc32.Update(h.sum, crc32.IEEETable, b)
	return b, err
}

// skip reads n bytes.
func (h *gzipHeader) skip(n int) error {
	for n > 0 {
		b, err := h.d.peek()
		if err != nil {
			return err
		}
		m := min(n, len(b))
		h.take(b[:m])
		n -= m
	}
	return nil
}

// skipText reads up to and including the next zero.
func (h *gzipHeader) skipText() error {
	for {
		b, err := h.d.peek()
		if err != nil {
			return err
		}
		if end := bytes.IndexByte(b, 0); end >= 0 {
			h.take(b[:end+1])
			return nil
		}
		h.take(b)
	}
}

// take marks b, the beginning of what peek returned, as read.
func (h *gzipHeader) take(b []byte) {
	h.sum = crc32.Update(h.sum, crc32.IEEETable, b)
	h.d.unread = h.d.unread[len(b):]
}
