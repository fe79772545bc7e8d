package sinks

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/internal/peerwait"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/transfer"
)

// expectAbove is the length in bytes above which a request asks before it sends.
const expectAbove = 1 << 20

// upload is one request under way. The node starts it, the last step ends it; in between, the
// goroutine in group lives.
type upload struct {
	name   string
	o      HTTPOptions
	client *http.Client
	req    *http.Request
	cancel context.CancelCauseFunc // of the request
	stop   context.CancelCauseFunc // of the node
	total  *time.Timer             // nil: none

	tail     tail
	digest   hash.Hash // of the stream; nil: none is wanted
	ended    bool      // the whole stream has been received
	started  bool
	peer     *peerwait.Wait
	body     *httpclient.Body
	w        *io.PipeWriter // the other end of body
	group    errgroup.Group
	released atomic.Bool // the end of the body may go out
}

func newUpload(name string, client *http.Client, req *http.Request, o HTTPOptions, stop context.CancelCauseFunc) *upload {
	u := &upload{name: name, o: o, stop: stop}
	u.client = httpclient.Unredirected(client)
	ctx, cancel := context.WithCancelCause(req.Context())
	u.cancel = cancel
	limits := o.Limits
	limits.Total = 0 // counts the other waits too
	u.peer = peerwait.New(limits, func(why *transfer.TimeoutError) { cancel(why) })
	u.req = req.Clone(httpclient.Interim(ctx, u.peer))
	httpclient.EscapeQuery(u.req.URL)
	if u.req.Header == nil {
		u.req.Header = make(http.Header)
	}
	r, w := io.Pipe()
	u.w = w
	u.body = httpclient.NewBody(r, u.peer, ctx.Done())
	if o.Digest != "" {
		u.digest = httpfield.DigestAlgorithms[o.Digest]()
	}
	if total := o.Limits.Total; total > 0 {
		u.total = time.AfterFunc(total, func() {
			why := &transfer.TimeoutError{Limit: "total", After: total}
			stop(why)
			cancel(why)
		})
	}
	return u
}

// send hands the stream to the transport, all but its tail.
func (u *upload) send(ctx context.Context, in *pipeline.Inlet) error {
	u.tail.length = unmeasured
	for c, err := range in.Chunks(ctx) {
		if err != nil {
			return err
		}
		if u.tail.length == unmeasured {
			if err := u.measure(in); err != nil {
				c.Release()
				return err
			}
			u.start()
			defer ioctx.Interrupt(ctx, func() { u.breakBody(context.Cause(ctx)) })()
		}
		err := u.pass(c.Bytes())
		c.Release()
		if err != nil {
			if errors.Is(err, io.ErrClosedPipe) {
				// The transport wants no more, and soon says why; or the run has ended.
				<-ctx.Done()
				err = context.Cause(ctx)
			}
			return err
		}
	}
	if ctx.Err() != nil { // a caller may have cancelled with io.EOF
		return context.Cause(ctx)
	}
	if u.tail.length == unmeasured {
		if err := u.measure(in); err != nil {
			return err
		}
	}
	if err := u.tail.end(); err != nil {
		return err
	}
	if err := u.verify(); err != nil {
		return err
	}
	u.ended = true
	return nil
}

// measure finds out how long the body will be.
func (u *upload) measure(in *pipeline.Inlet) error {
	u.tail.length = -1
	if u.req.ContentLength > 0 {
		u.tail.length = u.req.ContentLength
	}
	if size, known := in.Size(); known {
		if u.tail.length >= 0 && u.tail.length != size {
			return fmt.Errorf("the request has a ContentLength of %d, the stream has %d bytes", u.tail.length, size)
		}
		u.tail.length = size
	}
	return nil
}

// start sends the request with as much of its body as there is.
func (u *upload) start() {
	u.req.Body, u.req.GetBody, u.req.ContentLength = u.body, nil, u.tail.length
	if u.tail.length > expectAbove {
		u.req = u.body.Expect(u.req, u.client.Transport)
	}
	switch {
	case u.digest == nil:
	case len(u.o.Sum) > 0:
		u.req.Header.Set(httpfield.ReprDigest, u.field(u.o.Sum))
	default:
		// The transport reads the value when the body has ended, and drops the trailer where there
		// can be none.
		trailer := http.Header{httpfield.ReprDigest: nil}
		u.req.Trailer = trailer
		u.body.AtEOF = func() { trailer.Set(httpfield.ReprDigest, u.field(u.digest.Sum(nil))) }
	}
	u.started = true
	u.group.Go(u.do)
}

// field returns the value of Repr-Digest.
func (u *upload) field(sum []byte) string {
	return httpfield.Digest{Algorithm: u.o.Digest, Sum: sum}.String()
}

func (u *upload) pass(b []byte) error {
	if u.digest != nil {
		u.digest.Write(b) // never fails, says hash.Hash
	}
	b, err := u.tail.cut(b)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return nil
	}
	_, err = u.w.Write(b) // returns when the transport has taken all of it, or closed the body
	return err
}

// verify compares the whole stream with what the caller knows of it.
func (u *upload) verify() error {
	if len(u.o.Sum) == 0 {
		return nil
	}
	if got := u.digest.Sum(nil); !bytes.Equal(got, u.o.Sum) {
		return &transfer.DigestError{Algorithm: u.o.Digest, Want: u.o.Sum, Got: got}
	}
	return nil
}

// do performs the request. Its failure stops the node.
func (u *upload) do() (err error) {
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil {
				err = &pipeline.PanicError{Node: u.name, Value: v, Stack: debug.Stack()}
			} else {
				err = errors.New("the transport called runtime.Goexit")
			}
			_ = u.body.Close() // no transport will
		}
		u.peer.Stop()
		if err == io.EOF { // as a context's cause it would look like the end of the stream
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			u.stop(err)
		}
	}()
	err = u.exchange()
	returned = true
	return err
}

// exchange sends the request and judges the answer.
func (u *upload) exchange() error {
	resp, err := u.roundTrip()
	if err == nil && resp.StatusCode == http.StatusExpectationFailed {
		if body := u.body.Again(); body != nil { // RFC 9110 section 10.1.1
			resp.Body.Close()
			u.body, u.req = body, u.req.WithContext(u.req.Context()) // a copy
			u.req.Body, u.req.Header = body, u.req.Header.Clone()
			u.req.Header.Del("Expect")
			resp, err = u.roundTrip()
		}
	}
	u.peer.Stop()
	u.body.Drop()
	early := !u.released.Load()
	if err != nil {
		return u.broken(httpclient.WithoutURL(err))
	}
	defer resp.Body.Close()
	// The body of an answer has a say neither in the result nor in when it comes. It is
	// read so that the connection may be used again.
	text := httpclient.ReadAnswer(resp, u.cancel)
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return httpclient.StatusError(u.req.Method, resp, text)
	case early:
		return fmt.Errorf("the server answered %d %s before it had the whole body", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	if err := u.compare(resp.Header, text); err != nil {
		return err
	}
	if u.o.OnAnswer != nil {
		u.o.OnAnswer(resp.StatusCode, resp.Header)
	}
	return nil
}

// roundTrip sends the request and waits for the header of its answer.
func (u *upload) roundTrip() (*http.Response, error) {
	if u.req.Body == http.NoBody {
		_ = u.peer.BeginFinalAnswer()
	} else {
		_ = u.peer.BeginAnswer()
	}
	resp, err := u.client.Do(u.req)
	_ = u.peer.End(0)
	u.body.Answered()
	return resp, err
}

// broken says why a request failed: the end of its context, if that has ended. HTTP/2 says only that
// it was cancelled.
func (u *upload) broken(err error) error {
	if ctx := u.req.Context(); ctx.Err() != nil {
		err = context.Cause(ctx)
		if limit, ok := errors.AsType[*transfer.TimeoutError](err); !ok || limit.Limit == "total" {
			return err
		}
	}
	if err == io.EOF { // of the connection, before the answer
		err = io.ErrUnexpectedEOF
	}
	return &transfer.NetworkError{Offset: u.body.Taken(), Err: err}
}

// compare verifies the digests that the server reports. A digest of the answer's own content (RFC 9530
// appendix B.8) says nothing about the stream.
func (u *upload) compare(header http.Header, text []byte) error {
	answered, _ := httpfield.Digests(header.Values(httpfield.ReprDigest)) // malformed digests prove nothing
	for _, d := range answered {
		if d.Algorithm != u.o.Digest {
			continue
		}
		own := httpfield.DigestAlgorithms[d.Algorithm]()
		own.Write(text)
		if got := u.digest.Sum(nil); !bytes.Equal(got, d.Sum) && !bytes.Equal(own.Sum(nil), d.Sum) {
			return &transfer.DigestError{Field: httpfield.ReprDigest, Algorithm: d.Algorithm, Want: d.Sum, Got: got}
		}
	}
	return nil
}

// finish is the last step.
func (u *upload) finish(ctx context.Context, failed error) error {
	defer u.tail.release()
	defer u.cancel(nil)
	defer ioctx.Interrupt(ctx, func() { u.cancel(context.Cause(ctx)) })()
	if u.total != nil {
		defer u.total.Stop()
	}
	if failed == nil && u.ended {
		return u.publish()
	}
	u.abort(cmp.Or(failed, errStoppedEarly))
	_ = u.wait() // that it failed is what was asked for
	if failed == nil {
		return errStoppedEarly
	}
	return nil
}

// publish completes the body and waits for the answer.
func (u *upload) publish() error {
	u.released.Store(true)
	if !u.started { // an empty stream
		u.req.Body, u.req.GetBody, u.req.ContentLength = http.NoBody, nil, 0
		if u.digest != nil {
			u.req.Header.Set(httpfield.ReprDigest, u.field(u.digest.Sum(nil)))
		}
		u.group.Go(u.do)
		return u.group.Wait()
	}
	var refused error
	if b := u.tail.kept.Bytes(); len(b) > 0 {
		_, refused = u.w.Write(b)
	}
	u.w.Close()
	if err := u.wait(); err != nil {
		return err
	}
	if refused != nil || u.tail.length < 0 && !u.body.Ended() {
		return errors.New("the server answered before it had the whole body")
	}
	return nil
}

// abort breaks the request off, without waiting.
func (u *upload) abort(cause error) {
	u.breakBody(cause)
	u.cancel(cause)
}

// breakBody fails the transport's next read of the body. The cause is wrapped, because it may be
// io.EOF.
func (u *upload) breakBody(cause error) {
	u.w.CloseWithError(fmt.Errorf("upload broken off: %w", cause))
}

// wait returns the request's failure, when nothing of it is left.
func (u *upload) wait() error {
	err := u.group.Wait()
	if u.started {
		<-u.body.Closed()
	}
	return err
}
