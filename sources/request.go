package sources

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/pipeline"
)

const (
	// interruptAfter is how long a read of a request's body may take once it is no longer needed. It is not zero because
	// an interrupted read of a chunked body cannot be resumed, not even by the server, which reads a part of the rest
	// so that the client receives the response. The read of a body that is being sent takes less.
	interruptAfter = 10 * time.Millisecond

	// lingerFor is how long the server may then read the rest of the body.
	lingerFor = time.Second
)

// Request returns a source that emits the body of r, a request that a server has received; w is its ResponseWriter.
// It promises r.ContentLength where that is known. It is single-use, and the handler must not return before Run does.
//
// Request fails with the body's error: io.ErrUnexpectedEOF (HTTP/1) or another one (HTTP/2) when the client aborts,
// an [*http.MaxBytesError] at the limit of an http.MaxBytesReader.
//
// A read that waits for the client is interrupted with a read deadline, within 10 ms, when the run fails or is cancelled, and
// in the last step when the source has been stopped. On HTTP/1 net/http then ends the request's context. If w does not
// support read deadlines (a test's recorder, a middleware's writer without Unwrap), the run ends when the read does. If a
// body of HTTP/1 was not read to its end, the connection is closed after the response; the server reads up to 256 KiB
// of the rest, for a second at most, so that the client receives the response. That replaces a read deadline
// set by the server or the handler; after a body that was read to its end, theirs stays unless a read was
// interrupted.
//
// On HTTP/1 Request enables full duplex, so that the flow may respond while it reads: without it, net/http
// discards a part of the body as soon as the response begins. If w does not support it, respond after the run.
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
		return b.copy(ctx, out)
	})
}

// requestBody is the state of one run of a Request.
type requestBody struct {
	w           http.ResponseWriter
	r           *http.Request
	rc          *http.ResponseController
	reading     errgroup.Group // one goroutine, which outlives a stopped node
	done        chan struct{}  // closed when it has ended; nil before it starts
	ended       bool           // read to its end; valid once done is closed
	interrupted bool
	reported    bool // the node has returned its error

	mu      sync.Mutex
	inRead  bool
	stopped bool // no further read begins
}

// Read is called by the reading goroutine.
func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.stopped {
		b.mu.Unlock()
		return 0, pipeline.ErrStopped
	}
	b.inRead = true
	b.mu.Unlock()
	n, err := b.r.Body.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inRead = false
	return n, err
}

// stop reports whether the reading goroutine may outlive the node: it is in a Read, and returns after that. Otherwise
// it is in a Send, which ends now, and holds a chunk of the node.
func (b *requestBody) stop() (inRead bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	return b.inRead
}

// copy sends the body. A read that waits when the node is stopped is interrupted only in the last step: on HTTP/1 that makes
// net/http end the request's context, which must not fail a run whose consumer needs no more.
func (b *requestBody) copy(ctx context.Context, out *pipeline.Outlet) error {
	b.done = make(chan struct{})
	b.reading.Go(func() (err error) {
		defer close(b.done)
		returned := false
		defer func() {
			if v := recover(); v != nil {
				err = &pipeline.PanicError{Node: "request", Value: v, Stack: debug.Stack()}
			} else if !returned {
				err = errors.New("the body called runtime.Goexit")
			}
		}()
		err = out.CopyFrom(ctx, b)
		returned, b.ended = true, err == nil
		return err
	})
	select {
	case <-b.done:
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), pipeline.ErrStopped) {
			if !b.stop() {
				<-b.done
			}
			return context.Cause(ctx)
		}
	}
	b.reported = true
	return b.wait()
}

// wait interrupts the reading, unless it has ended, and returns its error.
func (b *requestBody) wait() error {
	select {
	case <-b.done:
	default:
		b.interrupted = b.rc.SetReadDeadline(time.Now().Add(interruptAfter)) == nil
	}
	return b.reading.Wait()
}

// finish makes the connection ready for the response and the next request. It is a last step because no other node then
// uses the header.
func (b *requestBody) finish(context.Context, error) error {
	if b.done == nil {
		return nil
	}
	err := b.wait()
	if b.ended {
		if b.interrupted {
			_ = b.rc.SetReadDeadline(time.Time{})
		}
		return nil
	}
	if b.r.ProtoMajor == 1 && b.w != nil {
		// The rest of the body must not be taken for the next request.
		b.w.Header().Set("Connection", "close")
		_ = b.rc.SetReadDeadline(time.Now().Add(lingerFor)) // net/http reads before it closes, without a limit unless a deadline is set
	}
	if p := (*pipeline.PanicError)(nil); errors.As(err, &p) && !b.reported {
		return p // after the node had returned
	}
	return nil
}
