package httpflow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/weirflow/weir/internal/peerwait"
	"github.com/weirflow/weir/transfer"
)

// An exchange is a request being answered: the ResponseWriter that its handler uses. It records the
// outcome, and does not wait for the client longer than the limits allow.
type exchange struct {
	http.ResponseWriter
	request *http.Request
	opts    *Options
	control *http.ResponseController
	ctx     context.Context // of the response's flow
	cancel  context.CancelCauseFunc
	start   time.Time
	wait    *peerwait.Wait
	total   *transfer.TimeoutError // of the flow, also while it does not wait for the client
	outcome Outcome
	failed  error // of a write, not for lateness
}

func newExchange(w http.ResponseWriter, r *http.Request, opts *Options) *exchange {
	x := &exchange{ResponseWriter: w, request: r, opts: opts, control: http.NewResponseController(w), start: time.Now()}
	x.ctx, x.cancel = context.WithCancelCause(r.Context())
	x.wait = peerwait.New(opts.Limits, x.giveUp)
	return x
}

// past is a deadline that is over on every clock, and not the zero time, which would mean none.
var past = time.Unix(1, 0)

// giveUp frees a write that waits for the client.
func (x *exchange) giveUp(late *transfer.TimeoutError) {
	x.cancel(tooSlow(late))
	_ = x.control.SetWriteDeadline(past)
}

// end is called when the handler is done, also when it panics.
func (x *exchange) end() {
	x.cancel(nil)
	x.wait.Stop()
	if x.opts.OnRequest == nil {
		return
	}
	o := x.outcome
	o.Elapsed = time.Since(x.start)
	o.ClientGone = o.Err != nil && !isA[*transfer.TimeoutError](o.Err) && x.clientGone(o.Err)
	x.opts.OnRequest(x.request, o)
}

// clientGone reports whether err came of the client. That the request's context is over says little:
// on HTTP/2 it also is when the response was broken off from here.
func (x *exchange) clientGone(err error) bool {
	cause := context.Cause(x.request.Context())
	return cause != nil && errors.Is(err, cause) || x.failed != nil && errors.Is(err, x.failed)
}

// send writes an answer that has no content. It waits for the client to take it, because after the
// handler's return no limits apply.
func (x *exchange) send(a answer) {
	maps.Copy(x.Header(), a.header)
	if a.text != "" {
		x.Header().Set("Content-Length", strconv.Itoa(len(a.text)))
	}
	x.WriteHeader(a.status)
	var err error
	if a.text != "" {
		_, err = io.WriteString(x, a.text)
	}
	if err == nil && (a.text != "" || x.request.ProtoMajor == 1) { // on HTTP/2 a header alone does not wait
		err = x.flush()
	}
	if x.outcome.Err == nil {
		x.outcome.Err = err
	}
}

// refuse answers with an error status and no content.
func (x *exchange) refuse(status int, err error) {
	if status >= http.StatusInternalServerError {
		x.outcome.Err = err
	}
	x.send(refuse(x.request.Method, status, http.Header{}))
}

func (x *exchange) WriteHeader(status int) {
	x.outcome.Status = status
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(b []byte) (int, error) {
	if x.outcome.Status == 0 {
		x.outcome.Status = http.StatusOK
	}
	for written := 0; ; { // a stage, or Bytes, may send larger chunks than the limits are for
		piece := b[written:min(len(b), written+chunkSize)]
		n, err := x.withinLimits(len(piece), func() (int, error) { return x.ResponseWriter.Write(piece) })
		written += n
		if err != nil || n < len(piece) || written == len(b) {
			return written, err
		}
	}
}

// writer returns x, with a ReadFrom if the server's ResponseWriter has one.
func (x *exchange) writer() http.ResponseWriter {
	if to, ok := x.ResponseWriter.(io.ReaderFrom); ok {
		return directWriter{x, to}
	}
	return x
}

// A directWriter is an exchange through which the kernel may copy.
type directWriter struct {
	*exchange
	to io.ReaderFrom
}

// ReadFrom writes what is in an [io.LimitedReader], which counts as one chunk for the limits.
func (d directWriter) ReadFrom(r io.Reader) (int64, error) {
	piece, ok := r.(*io.LimitedReader)
	if !ok {
		return io.Copy(struct{ io.Writer }{d.exchange}, r)
	}
	n, err := d.withinLimits(int(piece.N), func() (int, error) {
		n, err := d.to.ReadFrom(piece)
		return int(n), err
	})
	return int64(n), err
}

// FlushError is for [http.ResponseController].
func (x *exchange) FlushError() error {
	_, err := x.withinLimits(0, func() (int, error) { return 0, x.control.Flush() })
	return err
}

// flush hands what has been written to the system, which is waited for within the limits.
func (x *exchange) flush() error {
	if err := x.FlushError(); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// Unwrap is for [http.ResponseController].
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// withinLimits calls f, which writes n bytes. If that takes the client too long, the error is a
// [transfer.TimeoutError].
func (x *exchange) withinLimits(n int, f func() (int, error)) (int, error) {
	if late := x.wait.Begin(n); late != nil {
		return 0, tooSlow(late)
	}
	n, err := f()
	x.outcome.Bytes += int64(n)
	if late := x.wait.End(n); late != nil {
		return n, tooSlow(late)
	}
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		x.failed = err
	}
	return n, err
}

// tooSlow says whose fault late is.
func tooSlow(late error) error { return fmt.Errorf("the client is too slow: %w", late) }
