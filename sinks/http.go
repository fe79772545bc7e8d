package sinks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
)

// StatusError is an answer other than 2xx.
type StatusError struct {
	Status int         // the status code
	Header http.Header // of the answer: Retry-After, Location
	Body   []byte      // the beginning of the answer's body, at most 4 KiB, as far as it came within a second
}

// Error has the status and the first line of the body.
func (e *StatusError) Error() string {
	s := fmt.Sprintf("the server answered %d %s", e.Status, http.StatusText(e.Status))
	line, _, _ := strings.Cut(strings.TrimSpace(string(e.Body)), "\n")
	if line == "" {
		return s
	}
	return fmt.Sprintf("%s: %.200q", s, line) // quoted: it goes to terminals and logs
}

const (
	maxAnswer      = 4 << 10         // bytes of an answer that are read
	answerTime     = time.Second     // for them
	answerGrace    = time.Second / 5 // for one that comes when writing fails
	expectContinue = 1 << 20         // bytes from which a request asks before it sends
)

// HTTP returns a sink that uploads the stream: each run sends a copy of req, a PUT, POST or PATCH
// without a body of its own, with the stream as body. A nil client is
// [http.DefaultClient]. The node has the request's method and URL as its name, without user, password and query.
//
// The request starts after the first chunk. It has a Content-Length when upstream knows its size, or else when req has a ContentLength,
// which the stream must then keep; otherwise it is chunked. The end of the body is released only in the last step, when every
// node of the run has succeeded: the terminating chunk (on HTTP/2 the end of the stream), or the bytes that complete the length, at most 16 KiB.
// An empty stream sends the whole request there. So a failure anywhere in the run, a cancellation, a stream longer or
// shorter than promised breaks the request off, and the server sees a broken body, never a short one. The last step then waits for the answer, and
// for the transport to let go of the body, which every http.RoundTripper must close.
//
// An answer other than 2xx fails the run with a [*StatusError], at once also when it comes before the end of the body. So does a 2xx that comes
// before: the server cannot have stored what it has not got. Redirects are not followed, for the stream cannot be sent twice
// and what answers elsewhere to a GET says nothing about the upload; they are a *StatusError too. For the same reason nothing is retried.
//
// With a known size of more than 1 MiB the request asks with "Expect: 100-continue" first, if the client's transport is
// an [*http.Transport] that limits the wait with its ExpectContinueTimeout.
//
// A cancelled run breaks the request off, but once every node has returned, only the request's own context,
// the client's Timeout and its transport's ResponseHeaderTimeout end the wait for the answer: make the request with the context of the run.
func HTTP(client *http.Client, req *http.Request) pipeline.Sink {
	if client == nil {
		client = http.DefaultClient
	}
	if req != nil {
		req = req.Clone(req.Context()) // what the caller does with it afterwards changes nothing
	}
	name := requestName(req)
	return pipeline.NewSink(name, func(ctx context.Context, in *pipeline.Inlet) error {
		if err := checkUpload(req); err != nil {
			return err
		}
		u := newUpload(name, client, req)
		in.AtEnd(u.finish)
		defer func() { // also on a panic: the server should not wait for the rest of the run to end
			if !u.ended {
				u.abort(errCut)
			}
		}()
		return u.send(ctx, in)
	})
}

func requestName(req *http.Request) string {
	if req == nil || req.URL == nil {
		return "http"
	}
	u := url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: req.URL.Path, RawPath: req.URL.RawPath}
	return req.Method + " " + u.String()
}

func checkUpload(req *http.Request) error {
	switch {
	case req == nil:
		return errors.New("no http.Request")
	case req.URL == nil:
		return errors.New("the request has no URL")
	case req.Body != nil && req.Body != http.NoBody:
		return errors.New("the request has a body of its own")
	}
	switch req.Method {
	case http.MethodPut, http.MethodPost, http.MethodPatch:
		return nil
	}
	return fmt.Errorf("method %q: want PUT, POST or PATCH", req.Method)
}

// upload is one request under way. The node starts it, the last step ends it; in between, the goroutine
// in group lives.
type upload struct {
	name   string
	client http.Client
	req    *http.Request
	cancel context.CancelCauseFunc // of the request
	stop   context.CancelCauseFunc // of the node

	tail     tail
	ended    bool // the whole stream has been received
	started  bool
	body     *body
	w        *io.PipeWriter // the other end of body
	group    errgroup.Group
	released atomic.Bool // the end of the body may go out
}

func newUpload(name string, client *http.Client, req *http.Request) *upload {
	u := &upload{name: name}
	u.client = http.Client{
		Transport: client.Transport,
		Jar:       client.Jar,
		Timeout:   client.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	u.cancel = cancel
	u.req = req.Clone(ctx)
	if u.req.Header == nil {
		u.req.Header = make(http.Header)
	}
	u.body = &body{closed: make(chan struct{}), answered: make(chan struct{}), aborted: ctx.Done()}
	u.body.PipeReader, u.w = io.Pipe()
	return u
}

// send hands the stream to the transport, all but its tail.
func (u *upload) send(ctx context.Context, in *pipeline.Inlet) error {
	ctx, u.stop = context.WithCancelCause(ctx)
	defer u.stop(nil)
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
	if ctx.Err() != nil { // io.EOF may be somebody's cause
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
	if u.tail.length > expectContinue && u.waitsToContinue() && u.req.Header.Get("Expect") == "" {
		u.req.Header.Set("Expect", "100-continue")
	}
	u.started = true
	u.group.Go(u.do)
}

// waitsToContinue reports whether the transport limits the wait for "100 Continue": without a limit it
// does not wait at all, and a server that does not know the mechanism (RFC 9110 section 10.1.1) needs the limit.
func (u *upload) waitsToContinue() bool {
	rt := u.client.Transport
	if rt == nil {
		rt = http.DefaultTransport
	}
	t, ok := rt.(*http.Transport)
	return ok && t.ExpectContinueTimeout > 0
}

func (u *upload) pass(b []byte) error {
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
			_ = u.body.Close() // nobody else will
		}
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
	resp, err := u.client.Do(u.req)
	close(u.body.answered)
	early := !u.released.Load()
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // the node's name has the URL, without its secrets
		}
		if ctx := u.req.Context(); ctx.Err() != nil {
			err = context.Cause(ctx) // HTTP/2 says only that it was cancelled
		}
		return err
	}
	defer resp.Body.Close()
	// The body of an answer has a say neither in the result nor in when it comes. It is
	// read so that the connection may be used again.
	defer time.AfterFunc(answerTime, func() { u.cancel(nil) }).Stop()
	piece, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return &StatusError{resp.StatusCode, resp.Header, piece}
	case early:
		return u.errEarly(resp.StatusCode)
	}
	return nil
}

func (u *upload) errEarly(status int) error {
	return fmt.Errorf("the server answered %d %s before it had the whole body", status, http.StatusText(status))
}

// finish is the last step.
func (u *upload) finish(_ context.Context, failed error) error {
	defer u.tail.release()
	defer u.cancel(nil)
	if failed == nil && u.ended {
		return u.publish()
	}
	u.abort(cmp.Or(failed, errCut))
	_ = u.wait() // that it failed is what was asked for
	if failed == nil {
		return errCut
	}
	return nil
}

// publish completes the body and waits for the answer.
func (u *upload) publish() error {
	u.released.Store(true)
	if !u.started { // an empty stream
		u.req.Body, u.req.GetBody, u.req.ContentLength = http.NoBody, nil, 0
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
	if refused != nil || u.tail.length < 0 && !u.body.ended.Load() {
		return errors.New("the server answered before it had the whole body")
	}
	return nil
}

// abort breaks the request off, without waiting.
func (u *upload) abort(cause error) {
	u.breakBody(cause)
	u.cancel(cause)
}

// breakBody fails the transport's next read of the body. The cause is wrapped, because it may be io.EOF.
func (u *upload) breakBody(cause error) {
	u.w.CloseWithError(fmt.Errorf("upload broken off: %w", cause))
}

// wait returns the request's failure, when nothing of it is left.
func (u *upload) wait() error {
	err := u.group.Wait()
	if u.started {
		<-u.body.closed // maybe after Do has returned (golang/go#51907)
	}
	return err
}

// body is the request's body, as the transport sees it.
type body struct {
	*io.PipeReader
	began, ended atomic.Bool // the transport has seen the first bytes, the end
	answered     chan struct{}
	aborted      <-chan struct{}
	once         sync.Once
	closed       chan struct{}
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.PipeReader.Read(p)
	b.began.Store(true)
	if err == io.EOF {
		b.ended.Store(true)
	}
	return n, err
}

// Close is called when a write to the server has failed, among other times, and before that is told to anybody. A server that
// refuses and closes makes writes fail while its answer is there and nobody has read it yet: so an answer gets a moment to
// come first. Afterwards http.Transport would not look for it any more.
func (b *body) Close() error {
	err := b.PipeReader.Close()
	b.once.Do(func() {
		defer close(b.closed)
		if !b.began.Load() || b.ended.Load() {
			return
		}
		grace := time.NewTimer(answerGrace)
		defer grace.Stop()
		select {
		case <-b.answered:
		case <-b.aborted:
		case <-grace.C:
		}
	})
	return err
}
