package sources

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
)

const (
	// interruptAfter is how long a read of a request's body may go on when it is no longer wanted. It is more than nothing because
	// an interrupted read of a chunked body cannot be resumed, not even by the server, which reads a little further
	// so that the client gets to see the answer. A client that is sending needs less.
	interruptAfter = 10 * time.Millisecond

	// lingerFor is how long the server may then read further.
	lingerFor = time.Second
)

// Request returns a source that emits the body of r, a request that a server has received; w is its ResponseWriter.
// It promises r.ContentLength where that is known. It is single-use, and the handler must not return before Run does.
//
// Request fails with the body's error: io.ErrUnexpectedEOF (HTTP/1) or another one (HTTP/2) when the client breaks off,
// an [*http.MaxBytesError] at the limit of an http.MaxBytesReader.
//
// A read that waits for the client is interrupted with a read deadline, within 10 ms, when the run is cancelled or has enough. If w has no
// read deadlines (a test's recorder, a middleware's writer without Unwrap), it is waited for. A deadline that the
// server or the handler has set stays unless the read was interrupted. A body of HTTP/1 that was not read to its end closes the connection
// after the response; the server reads up to 256 KiB of the rest, for a second at most, so that the client gets to see the answer.
//
// On HTTP/1 Request enables full duplex, so that the flow may answer while it reads: without that, net/http
// discards a part of the body as soon as the response begins. If w does not support it, answer after the run.
func Request(w http.ResponseWriter, r *http.Request) pipeline.Source {
	var used atomic.Bool
	return pipeline.NewSource("request", func(ctx context.Context, out *pipeline.Outlet) error {
		switch {
		case used.Swap(true):
			return pipeline.ErrSingleUse
		case r == nil:
			return errors.New("no http.Request")
		case r.Body == nil || r.Body == http.NoBody:
			out.SetSize(0)
			return nil
		}
		if r.ContentLength >= 0 {
			out.SetSize(r.ContentLength)
		}
		b := &requestBody{w: w, r: r, rc: http.NewResponseController(w)}
		if r.ProtoMajor == 1 {
			_ = b.rc.EnableFullDuplex()
		}
		out.AtEnd(b.finish)
		release := ioctx.Interrupt(ctx, b.interrupt)
		defer release()
		err := out.CopyFrom(ctx, r.Body)
		b.ended = err == nil
		return err
	})
}

// requestBody is a Request at work.
type requestBody struct {
	w           http.ResponseWriter
	r           *http.Request
	rc          *http.ResponseController
	ended       bool // read to its end
	interrupted bool
}

func (b *requestBody) interrupt() {
	b.interrupted = b.rc.SetReadDeadline(time.Now().Add(interruptAfter)) == nil
}

// finish leaves the connection in order. It is a last step because then nobody else is using the header.
func (b *requestBody) finish(context.Context, error) error {
	if b.ended {
		if b.interrupted {
			_ = b.rc.SetReadDeadline(time.Time{})
		}
		return nil
	}
	if b.r.ProtoMajor == 1 && b.w != nil {
		// What is left of the body must not be taken for the next request.
		b.w.Header().Set("Connection", "close")
		if b.interrupted {
			_ = b.rc.SetReadDeadline(time.Now().Add(lingerFor))
		}
	}
	return nil
}
