package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

// ErrLineTooLong is the error of a line that is longer than [Inlet.Lines] or [Inlet.LinesMax] allows.
var ErrLineTooLong = errors.New("line too long")

// maxLine is the longest line in bytes that Lines yields.
const maxLine = 1 << 20

// Lines yields the lines of the stream, without the line feed that ends each. A carriage return in front of it
// is part of the line: line and line feed together are what was received. The last line need not end with a line
// feed, and the loop cannot tell. A line of more than 1 MiB is [ErrLineTooLong].
//
// A line is valid until the loop body ends, and must not be written to. Most lines are parts of a chunk: only one
// that continues in the next chunk is copied, and nothing is allocated for each line.
//
// An error is yielded last, with a nil line; a loop that continues after it panics. After a break, Next, Chunks, Lines
// and Reader continue with the line behind the last one. During the loop nothing else may receive from in.
func (in *Inlet) Lines(ctx context.Context) iter.Seq2[[]byte, error] {
	return in.LinesMax(ctx, maxLine)
}

// LinesMax is [Inlet.Lines] with another limit: how many bytes a line may have, without its line feed. It holds
// at most that many bytes and one chunk.
func (in *Inlet) LinesMax(ctx context.Context, limit int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		fail := func(err error) {
			if yield(nil, err) {
				panic(fmt.Sprintf("pipeline: a loop over Lines went on after the error %q", err))
			}
		}
		if limit < 1 {
			fail(fmt.Errorf("lines of at most %d bytes: want 1 or more", limit))
			return
		}
		var (
			c     Chunk  // what has not been yielded
			begun []byte // of a line that did not end in an earlier chunk
		)
		defer func() { in.putBack(c) }()
		for n := 1; ; {
			var err error
			if c, err = in.Next(ctx); err != nil {
				switch {
				case err != io.EOF:
					fail(err)
				case len(begun) > 0:
					yield(begun, nil)
				}
				return
			}
			for b := c.Bytes(); c.n > 0; {
				end := bytes.IndexByte(b, '\n')
				line := b
				if end >= 0 {
					line = b[:end:end]
				}
				if len(line) > limit-len(begun) {
					fail(fmt.Errorf("%w: line %d has more than %d bytes", ErrLineTooLong, n, limit))
					return
				}
				if end < 0 {
					begun = append(begun, line...)
					break
				}
				if len(begun) > 0 {
					begun = append(begun, line...)
					line = begun
				}
				b = b[end+1:]
				c.off, c.n = c.off+end+1, len(b)
				if !yield(line, nil) {
					return
				}
				begun = begun[:0]
				n++
			}
			c.Release()
			c = Chunk{}
		}
	}
}

// putBack makes c what Next and Reader return first.
func (in *Inlet) putBack(c Chunk) {
	if c.n == 0 || in.node.returned.Load() {
		c.Release()
		return
	}
	rest := &in.ch.rest
	rest.mu.Lock()
	defer rest.mu.Unlock()
	rest.c = c
	rest.some.Store(true)
}
