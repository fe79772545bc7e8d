package sources

import (
	"errors"
	"fmt"
	"io"

	"github.com/weirflow/weir/internal/peerwait"
	"github.com/weirflow/weir/transfer"
)

// errBodyTooLong is a body that has more bytes than its answer said.
var errBodyTooLong = errors.New("more bytes came than the answer said")

// body reads what of an answer's body is to be emitted. It belongs to one attempt.
type body struct {
	r     io.Reader
	wait  *peerwait.Wait
	skip  int64          // bytes that are there already
	left  int64          // to be emitted after that; -1 if unknown
	got   int64          // bytes read
	taken func(b []byte) // called with what a Read is about to return
	empty int            // reads in a row that brought nothing
	err   error          // the body's, which CopyFrom's may not be
}

// Read fails with a *transfer.TruncatedError if the body is too short.
func (b *body) Read(p []byte) (int, error) {
	for b.skip > 0 {
		n, err := b.read(p[:min(int64(len(p)), b.skip)])
		b.skip -= int64(n)
		if err = b.truncated(err); err != nil {
			return 0, b.failed(err)
		}
	}
	if b.left == 0 {
		return 0, b.failed(b.end())
	}
	if b.left > 0 {
		p = p[:min(int64(len(p)), b.left)]
	}
	n, err := b.read(p)
	if b.left > 0 {
		b.left -= int64(n)
	}
	if n > 0 {
		b.taken(p[:n])
	}
	return n, b.failed(b.truncated(err))
}

// truncated returns err, or what it means when bytes are missing.
func (b *body) truncated(err error) error {
	switch {
	case err != io.EOF && err != io.ErrUnexpectedEOF:
	case b.left > 0 || b.left == 0 && b.skip > 0:
		return &transfer.TruncatedError{Want: b.got + b.skip + b.left, Got: b.got}
	case b.skip > 0:
		return io.ErrUnexpectedEOF
	}
	return err
}

// end reads the end of a body of which everything has been read.
func (b *body) end() error {
	var more [1]byte
	for {
		if n, err := b.read(more[:]); n > 0 {
			return errBodyTooLong
		} else if err != nil {
			return err
		}
	}
}

func (b *body) read(p []byte) (int, error) {
	_ = b.wait.Begin(0) // whatever is late, the request is cancelled
	n, err := b.r.Read(p)
	if n < 0 || n > len(p) {
		return 0, fmt.Errorf("%T: Read of %d bytes returned %d", b.r, len(p), n)
	}
	_ = b.wait.End(n)
	b.got += int64(n)
	if b.empty++; n > 0 || err != nil {
		b.empty = 0
	} else if b.empty == 100 {
		err = io.ErrNoProgress
	}
	return n, err
}

// failed keeps an error, to tell it from one of the flow.
func (b *body) failed(err error) error {
	if err != nil && err != io.EOF {
		b.err = err
	}
	return err
}
