package sinks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/weirflow/weir/pipeline"
)

// ResponseOptions are the settings of [ResponseWith].
type ResponseOptions struct {
	// Status is the status code of the response, 200 to 599. 0 leaves it as it is: what the handler has
	// written with WriteHeader, else 200.
	Status int
}

// Response returns a sink that answers a request with the stream. The handler sets the header fields,
// runs the flow and returns; it must not return before Run does. The sink is single-use.
//
// The status and the header go out with the first bytes. When upstream knows its size, or the handler has set a
// Content-Length, the response has one, and its last bytes, at most 16 KiB, are written only in the last step,
// when the whole run has succeeded: a stream of at most 16 KiB goes out then as a whole. A Content-Length of the
// handler that is not the size fails the run before anything is written; so does a stream that turns out longer
// or shorter, but maybe after that. Without either the response is chunked, and the handler's return ends it.
// What the stream has brought so far is flushed when no more of it is ready. An empty stream answers in the last step.
//
// Where the response has a Content-Length, upstream copies from a regular file, and w has a ReadFrom, the bytes between the first
// and the last few KiB go through w.ReadFrom, at most 256 KiB at a time: net/http's has the kernel copy them (sendfile), unless over TLS.
//
// If the run fails and nothing has been written yet, neither the header nor the body, w is untouched and the
// handler may answer with an error, after it has deleted the header fields that describe the stream, such as Content-Encoding:
// http.Error keeps them. Otherwise the response is broken off, whatever the handler does then: on HTTP/2 the stream is reset,
// on HTTP/1 the connection is closed before the end of the body. Without a Content-Length it is taken from the server with Hijack and reset,
// because to an HTTP/1.0 client a mere close would be the end; the handler must not call Flush after that. Where a write fails,
// net/http has closed it already; [github.com/weirflow/weir/httpflow.Handler] is for handlers that HTTP/1.0 clients may ask.
// A w that supports no write deadlines (a test's recorder, a middleware's writer without Unwrap)
// cannot be broken off from here: then Run's error is also an [http.ErrNotSupported], and
// the handler must panic with [http.ErrAbortHandler].
//
// A write that waits for a client which does not read is interrupted when the run is cancelled. The last step no longer can be:
// there the server's WriteTimeout is the limit, or a write deadline that the handler has set before.
// A client that has left fails the run with the error of the write; a flow that should not wait for its next write to notice runs under the
// request's context. When the run succeeds, no deadline is touched.
func Response(w http.ResponseWriter) pipeline.Sink { return ResponseWith(w, ResponseOptions{}) }

// ResponseWith is [Response] with settings.
func ResponseWith(w http.ResponseWriter, opts ResponseOptions) pipeline.Sink {
	var used atomic.Bool
	return pipeline.NewSink("response", func(ctx context.Context, in *pipeline.Inlet) error {
		switch {
		case used.Swap(true):
			return pipeline.ErrSingleUse
		case w == nil:
			return errors.New("no http.ResponseWriter")
		case opts.Status != 0 && (opts.Status < 200 || opts.Status > 599):
			return fmt.Errorf("status %d: want 200 to 599, or 0", opts.Status)
		}
		r := &response{w: w, rc: http.NewResponseController(w), status: opts.Status}
		in.AtEnd(r.finish)
		defer func() { // also on a panic: the client should not wait for the rest of the run to end
			if !r.ended && r.begun {
				r.breakOffAfter(ctx)
			}
		}()
		return r.copy(ctx, in)
	})
}

// past is a deadline that is over on every clock, and not the zero time, which would mean none.
var past = time.Unix(1, 0)

// response is a Response at work. Only broken is used by more than one goroutine at a time.
type response struct {
	w      http.ResponseWriter
	rc     *http.ResponseController
	status int
	tail   tail
	begun  bool          // something was written, or is about to be
	ended  bool          // the whole stream has been received
	broken atomic.Bool   // the write deadline is in the past
	cut    chan struct{} // closed when breakOffAfter is done; nil: it was not called
}

// copy writes the stream, all but its tail.
func (r *response) copy(ctx context.Context, in *pipeline.Inlet) error {
	r.tail.length = unmeasured
	f := &feed{response: r, ctx: ctx, in: in, piece: nextPiece}
	defer f.release()
	if err := in.CopyTo(ctx, f); err != nil {
		return err
	}
	if err := r.measure(in); err != nil {
		return err
	}
	if err := r.tail.end(); err != nil {
		return err
	}
	r.ended = true
	return nil
}

// measure finds out how long the body will be, when the stream has begun.
func (r *response) measure(in *pipeline.Inlet) error {
	if r.tail.length != unmeasured {
		return nil
	}
	size, known := in.Size() // -1 if it is not
	set := r.w.Header().Get("Content-Length")
	if set == "" {
		r.tail.length = size
		return nil
	}
	n, err := strconv.ParseUint(set, 10, 63)
	switch {
	case err != nil:
		return fmt.Errorf("the handler has set Content-Length to %q: want a number", set)
	case known && int64(n) != size:
		return fmt.Errorf("the handler has set Content-Length to %d, the stream has %d bytes", n, size)
	}
	r.tail.length = int64(n)
	return nil
}

// pass writes b, and flushes it when nothing follows soon.
func (r *response) pass(in *pipeline.Inlet, b []byte) error {
	if err := r.write(b); err != nil {
		return err
	}
	// What the tail is about to push out needs no flush of its own.
	if in.Buffered() == 0 && r.tail.kept.Len() == 0 {
		return r.flush()
	}
	return nil
}

func (r *response) write(b []byte) error {
	if !r.begun {
		if !bodyAllowed(r.status) {
			return fmt.Errorf("status %d takes no body", r.status)
		}
		r.begin()
	}
	n, err := r.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// begin writes the header.
func (r *response) begin() {
	r.begun = true
	if r.tail.length >= 0 && bodyAllowed(r.status) {
		r.w.Header().Set("Content-Length", strconv.FormatInt(r.tail.length, 10))
	}
	if r.status != 0 {
		r.w.WriteHeader(r.status)
	}
}

func (r *response) flush() error {
	if err := r.rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// interrupt frees a write that waits for the client. There is no way back. It keeps at it until the node has returned,
// because net/http closes a connection on which a write failed, and over TLS gives that another 5 s.
func (r *response) interrupt(returned <-chan struct{}) {
	r.broken.Store(true)
	for {
		_ = r.rc.SetWriteDeadline(past)
		select {
		case <-returned:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// finish is the last step.
func (r *response) finish(_ context.Context, failed error) error {
	defer r.tail.release()
	if r.cut != nil {
		<-r.cut
	}
	if failed == nil {
		err := r.publish()
		if err == nil {
			return nil
		}
		if r.begun {
			err = errors.Join(err, r.abandon())
		}
		return err
	}
	if r.begun {
		return r.abandon()
	}
	return nil
}

// breakOffAfter breaks the response off as soon as ctx, the node's, has ended, which it has when the engine
// knows why the node failed. Sooner, the end of the request's context, which on HTTP/2 follows, would count as
// the cause. finish does it again, and reports.
func (r *response) breakOffAfter(ctx context.Context) {
	r.cut = make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(r.cut)
		_ = r.breakOff()
	})
}

// abandon breaks the response off for good.
func (r *response) abandon() error {
	if err := r.breakOff(); err != nil {
		return err
	}
	if r.tail.length < 0 {
		r.reset()
	}
	return nil
}

// publish writes what completes the response.
func (r *response) publish() error {
	switch {
	case !r.ended:
		return errStoppedEarly
	case r.broken.Load():
		return errors.New("interrupted before the end of the response")
	case r.tail.kept.Len() > 0:
		if err := r.write(r.tail.kept.Bytes()); err != nil {
			return err
		}
		return r.flush()
	case !r.begun: // an empty stream
		r.tail.length = 0
		r.begin()
		if _, err := r.w.Write(nil); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
			return err
		}
	}
	return nil
}

// breakOff makes sure that the client sees no end of the response. What is still in the server's buffers
// does not get out: the first write of it meets the deadline, and no other is tried.
func (r *response) breakOff() error {
	r.broken.Store(true)
	if err := r.rc.SetWriteDeadline(past); errors.Is(err, http.ErrNotSupported) { // else it is closed already
		return fmt.Errorf("the response cannot be broken off, panic with http.ErrAbortHandler: %w", err)
	}
	return nil
}

// reset is for a response whose end is the end of the connection, which is how HTTP/1.0 does without a Content-Length
// (RFC 9112 section 6.3): only a reset is no end. It does nothing on HTTP/2.
func (r *response) reset() {
	conn, _, err := r.rc.Hijack()
	if err != nil {
		return
	}
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = t.NetConn() // without TLS's close_notify, which would be a proper end
	}
	if t, ok := conn.(interface{ SetLinger(sec int) error }); ok {
		_ = t.SetLinger(0)
	}
	_ = conn.Close()
}

// bodyAllowed reports whether a response with the status may have a body (RFC 9110 section 6.4.1). 0 may.
func bodyAllowed(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// errStoppedEarly is what happens when a flow ends well although its sink has not seen the end of the stream:
// a node around the sink has stopped it. What it received is incomplete and must not look complete.
var errStoppedEarly = errors.New("stopped before the end of the stream")
