package sinks

import (
	"fmt"
	"io"

	"github.com/weirflow/weir/pipeline"
)

// unmeasured is a tail's length before the first chunk.
const unmeasured = -2

// maxTail is how many bytes of a stream a tail keeps at most.
const maxTail = 16 << 10

// tail holds a stream to its length, and keeps its last bytes back for the last step.
type tail struct {
	length int64 // -1: unknown
	seen   int64
	kept   pipeline.Chunk // a copy: the chunk itself must be released before the node returns
}

// cut takes the next bytes and returns those of them that are not the tail.
func (t *tail) cut(b []byte) ([]byte, error) {
	t.seen += int64(len(b))
	switch {
	case t.length < 0 || t.seen < t.length:
		return b, nil
	case t.seen > t.length:
		return nil, fmt.Errorf("%w: more than the %d bytes promised", io.ErrUnexpectedEOF, t.length)
	}
	i := max(0, len(b)-maxTail)
	t.kept = pipeline.NewChunk(len(b) - i)
	copy(t.kept.Bytes(), b[i:])
	return b[:i], nil
}

// read takes all that is missing from r, at most maxTail bytes.
func (t *tail) read(r io.Reader) (int64, error) {
	c := pipeline.NewChunk(int(t.length - t.seen))
	n, err := io.ReadFull(r, c.Bytes())
	t.seen += int64(n)
	if err != nil || n == 0 {
		c.Release()
		return int64(n), err
	}
	t.kept = c
	return int64(n), nil
}

// end is called at the end of the stream.
func (t *tail) end() error {
	if t.length >= 0 && t.seen != t.length {
		return fmt.Errorf("%w: %d of the %d bytes promised", io.ErrUnexpectedEOF, t.seen, t.length)
	}
	return nil
}

func (t *tail) release() {
	t.kept.Release()
	t.kept = pipeline.Chunk{}
}
