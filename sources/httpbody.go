package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/weirflow/weir/internal/httpkit"
)

// watch ends an attempt that waits too long for the server.
func (o *HTTPOptions) watch(cancel context.CancelCauseFunc) *httpkit.Watch {
	return &httpkit.Watch{
		Idle:   httpkit.Limit(o.Idle, httpkit.Idle),
		Rate:   o.MinRate,
		Window: httpkit.Limit(o.MinRateWindow, httpkit.MinRateWindow),
		Over:   func(limit string, after time.Duration) { cancel(&TimeoutError{Limit: limit, After: after}) },
	}
}

// errLong is a body that has more than its answer said.
var errLong = errors.New("more bytes came than the answer said")

// body reads what of an answer's body is to be emitted. It belongs to one attempt.
type body struct {
	r     io.Reader
	watch *httpkit.Watch
	skip  int64          // bytes that are there already
	left  int64          // to be emitted after that; -1 if unknown
	taken func(b []byte) // called with what a Read is about to return
	empty int            // reads in a row that brought nothing
	err   error          // the body's, which CopyFrom's may not be
}

// Read fails with io.ErrUnexpectedEOF if the body is too short.
func (b *body) Read(p []byte) (int, error) {
	for b.skip > 0 {
		n, err := b.read(p[:min(int64(len(p)), b.skip)])
		if b.skip -= int64(n); err == io.EOF && (b.skip > 0 || b.left > 0) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
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
	if err == io.EOF && b.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, b.failed(err)
}

// end reads the end of a body of which everything has been read.
func (b *body) end() error {
	var more [1]byte
	for {
		if n, err := b.read(more[:]); n > 0 {
			return errLong
		} else if err != nil {
			return err
		}
	}
}

func (b *body) read(p []byte) (int, error) {
	b.watch.Begin(true)
	n, err := b.r.Read(p)
	if n < 0 || n > len(p) {
		return 0, fmt.Errorf("%T: Read of %d bytes returned %d", b.r, len(p), n)
	}
	b.watch.End(n)
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
