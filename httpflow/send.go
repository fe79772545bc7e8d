package httpflow

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/transfer"
)

// The chunks of a response, and what one channel of it may hold, in bytes. They are small because
// slow clients are many.
const (
	chunkSize = 16 << 10
	buffer    = 16 << 10
)

// Bytes that the kernel copies go in pieces, to each of which the limits apply. The pieces grow
// while the client takes each within slowPiece.
const (
	headPiece  = 3 << 10 // written with the header: more than net/http buffers, less than two packets
	firstPiece = 64 << 10
	leastPiece = 16 << 10
	tailPiece  = 4 << 10 // written after it has been checked that the file is the same
	mostPiece  = 256 << 10
	slowPiece  = 100 * time.Millisecond
)

// serve answers a GET or HEAD with the resource, and closes it.
func (x *exchange) serve(res *resource) {
	defer res.close()
	r, opts := x.request, x.opts
	a := decide(r.Method, r.Header, res.representation, time.Now())
	switch a.status {
	case http.StatusOK, http.StatusPartialContent:
		if opts.Attachment && res.name != "" {
			a.header.Set("Content-Disposition", attachment(res.name))
		}
		a.header.Set("Content-Length", strconv.FormatInt(a.length, 10))
		fallthrough
	case http.StatusNotModified: // RFC 9110 §15.4.5
		if opts.CacheControl != "" {
			a.header.Set("Cache-Control", opts.CacheControl)
		}
		maps.Copy(a.header, res.header)
	}
	switch {
	case r.Method != http.MethodGet || a.status != http.StatusOK && a.status != http.StatusPartialContent:
		x.send(a)
	case len(a.parts) == 0 && !opts.runs:
		x.conclude(x.plain(res, a), a.header)
	default:
		x.conclude(x.flow(res, a), a.header)
	}
}

// conclude handles the end of a response with content: an error status if nothing of it has been
// written. The fields of header are those of the content.
func (x *exchange) conclude(err error, header http.Header) {
	if err != nil && x.outcome.Status == 0 {
		for name := range header {
			x.Header().Del(name)
		}
		x.fail(err)
		return
	}
	x.outcome.Err = err
	if errors.Is(err, http.ErrNotSupported) {
		panic(http.ErrAbortHandler) // a write deadline cannot break the response off
	}
}

// flow sends the content with a run of a flow.
func (x *exchange) flow(res *resource, a answer) error {
	source := res.source(a.offset, a.length)
	if len(a.parts) > 0 {
		boundary := newBoundary()
		a.header.Set("Content-Type", "multipart/byteranges; boundary="+boundary)
		source = multipart(res.at, res.path, boundary, res.representation, a.parts, res.check)
	}
	return x.run(source, a.status, a.header)
}

// run answers with what the source emits.
func (x *exchange) run(source pipeline.Source, status int, header http.Header) error {
	ctx := x.ctx
	if total := x.opts.Limits.Total; total > 0 {
		var cancel context.CancelFunc
		x.total = &transfer.TimeoutError{Limit: "total", After: total}
		ctx, cancel = context.WithDeadlineCause(ctx, x.start.Add(total), x.total)
		defer cancel()
	}
	maps.Copy(x.Header(), header)
	p := source.Via(x.opts.Via).To(sinks.ResponseWith(x.writer(), sinks.ResponseOptions{Status: status}))
	p.ChunkSize, p.Buffer = chunkSize, buffer
	report, err := p.Run(ctx)
	if x.opts.OnFlow != nil {
		x.opts.OnFlow(x.request, report, err)
	}
	return err
}

// chunks are buffers for content.
var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// plain sends the content without a flow, on the handler's goroutine, by the rules that a flow
// keeps: the status goes out after the first read; a read that fails, a file that is too short and
// the end of the context break the response off. No bytes have to be kept back until all else has
// succeeded, because there is nothing else.
func (x *exchange) plain(res *resource, a answer) error {
	err := x.copyContent(res, a)
	if err != nil && x.ctx.Err() != nil {
		err = context.Cause(x.ctx)
	}
	if err != nil && x.outcome.Status != 0 {
		if late := x.control.SetWriteDeadline(past); errors.Is(late, http.ErrNotSupported) {
			err = errors.Join(err, late)
		}
	}
	return err
}

func (x *exchange) copyContent(res *resource, a answer) error {
	f, isFile := res.at.(*os.File)
	to, direct := x.ResponseWriter.(io.ReaderFrom)
	direct = direct && isFile
	buf := chunks.Get().(*[chunkSize]byte)
	defer func() {
		if buf != nil {
			chunks.Put(buf)
		}
	}()
	offset, left, piece := a.offset, a.length, int64(chunkSize)
	if direct {
		piece = headPiece
	}
	for {
		b := buf[:min(piece, left)]
		if n, err := res.at.ReadAt(b, offset); n < len(b) {
			return cutShort(res.path, err)
		}
		if int64(len(b)) == left {
			if err := res.check(); err != nil {
				return err
			}
		}
		if x.ctx.Err() != nil {
			return context.Cause(x.ctx)
		}
		if x.outcome.Status == 0 {
			maps.Copy(x.Header(), a.header)
			x.WriteHeader(a.status)
			defer x.watch()()
		}
		n, err := x.Write(b)
		if err != nil {
			return err
		}
		offset, left = offset+int64(n), left-int64(n)
		if left == 0 {
			break
		}
		if direct && left > 2*tailPiece {
			chunks.Put(buf) // not held while a slow client is waited for
			buf = nil
			n := left - tailPiece
			if err := x.copyFile(f, offset, n, directWriter{x, to}); err != nil {
				return err
			}
			offset, left = offset+n, tailPiece
			buf = chunks.Get().(*[chunkSize]byte)
		}
		piece = chunkSize
	}
	if a.length == 0 && x.request.ProtoMajor > 1 {
		return nil
	}
	return x.flush()
}

// cutShort is err, unless that is the end of a file which was longer before.
func cutShort(path string, err error) error {
	if err == io.EOF {
		return &fs.PathError{Op: "read", Path: path, Err: io.ErrUnexpectedEOF}
	}
	return err
}

// copyFile has the kernel copy left bytes of f from offset on.
func (x *exchange) copyFile(f *os.File, offset, left int64, to io.ReaderFrom) error {
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	for piece := int64(firstPiece); left > 0; {
		if x.ctx.Err() != nil {
			return context.Cause(x.ctx)
		}
		began := time.Now()
		part := &io.LimitedReader{R: f, N: min(piece, left)} // net/http looks into one of them, not into two
		n, err := to.ReadFrom(part)
		offset, left = offset+n, left-n
		switch {
		case err != nil:
			// Which of the two failed? The error is one of sendfile in either case.
			if _, failed := f.ReadAt(make([]byte, 1), offset); failed != nil && failed != io.EOF {
				x.failed, err = nil, failed
			}
			return err
		case part.N > 0:
			return cutShort(f.Name(), io.EOF)
		case time.Since(began) > slowPiece:
			piece = leastPiece
		case n == piece:
			piece = min(2*piece, mostPiece)
		}
	}
	return nil
}

// watch has the end of the context free a write that waits for the client, until the function that
// it returns is called. It sets the deadline again and again, because net/http closes a connection
// on which a write failed, and over TLS allows another 5 s for that.
func (x *exchange) watch() (release func()) {
	done := make(chan struct{})
	stop := ioctx.Interrupt(x.ctx, func() {
		for {
			_ = x.control.SetWriteDeadline(past)
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	return func() {
		close(done)
		stop()
	}
}
