package tus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/internal/peerwait"
	"github.com/weirflow/weir/internal/retry"
	"github.com/weirflow/weir/transfer"
)

const (
	createGrace = time.Second      // for the answer that has the URL of a new upload, when the run has ended
	removeTime  = 10 * time.Second // for the removal of an upload
	supportTime = 10 * time.Second // for the answer about what a server supports
)

// client asks one server, for one run. It is for one goroutine at a time.
type client struct {
	o       *Options
	http    *http.Client
	release func()
	trusted []*url.URL // whose hosts get the caller's header
	ends    time.Time  // by Total
	retry   *retry.Counter
	busy    bool // a transport may still be at work on a body

	answered bool // the server has, whatever
	offset   int64
	kept     bool // there is an upload for a later run
}

// retryableError is a request that failed in a way that another one may not.
type retryableError struct{ error }

func (e retryableError) Unwrap() error { return e.error }

func newClient(o *Options, trusted ...*url.URL) *client {
	c := &client{o: o, trusted: trusted, retry: retry.New(o.Retry), release: func() {}}
	given := o.Client
	if given == nil {
		t := httpclient.NewUploadTransport()
		given, c.release = &http.Client{Transport: t}, t.CloseIdleConnections
	}
	c.http = httpclient.Unredirected(given)
	if o.Limits.Total > 0 {
		c.ends = time.Now().Add(o.Limits.Total)
	}
	return c
}

// limited returns a context that ends with Total as well.
func (c *client) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.ends.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadlineCause(ctx, c.ends, &transfer.TimeoutError{Limit: "total", After: c.o.Limits.Total})
}

// do sends one request, to where it is redirected as well, and returns the header of a success and where that came from. Otherwise
// the error is or wraps a *transfer.StatusError, is a retryableError, or why ctx has ended. The data is not used any more when
// do has returned.
func (c *client) do(ctx context.Context, method string, u *url.URL, header http.Header, data [][]byte) (http.Header, *url.URL, error) {
	trusted := true
	for redirects := 0; ; redirects++ {
		trusted = trusted && c.trusts(u) // what a stranger sends back is a stranger's request
		h, err := c.exchange(ctx, method, u, trusted, header, data)
		answer, refused := errors.AsType[*transfer.StatusError](err)
		if !refused {
			return h, u, err
		}
		next, rerr := httpclient.Redirected(u, answer)
		switch {
		case rerr != nil:
			return nil, u, rerr
		case next == nil:
			return nil, u, err
		case redirects == httpclient.MaxRedirects:
			return nil, u, httpclient.TooManyRedirects(answer)
		}
		u = next
	}
}

// trusts reports whether the caller's header and passwords may go to u.
func (c *client) trusts(u *url.URL) bool {
	return slices.ContainsFunc(c.trusted, func(t *url.URL) bool { return httpclient.SameHost(t, u) })
}

// exchange sends one request, and returns the header of a success.
func (c *client) exchange(ctx context.Context, method string, u *url.URL, trusted bool, header http.Header, data [][]byte) (http.Header, error) {
	rctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limits := c.o.Limits
	limits.Total = 0 // ctx ends with it
	wait := peerwait.New(limits, func(why *transfer.TimeoutError) { cancel(why) })
	req := c.request(httpclient.Interim(rctx, wait), method, u, trusted, header)
	var b *httpclient.Body
	if n := length(data); n > 0 {
		b = httpclient.NewBody(httpclient.NewPieces(data), wait, rctx.Done())
		req.Body, req.ContentLength = b, n
	}
	c.busy = true
	_ = wait.BeginAnswer()
	resp, err := c.http.Do(req)
	wait.Stop()
	if b != nil {
		b.Answered()
	}
	var text []byte
	if err == nil {
		text = httpclient.ReadAnswer(resp, cancel)
		resp.Body.Close()
	} else if err = httpclient.WithoutURL(err); rctx.Err() != nil {
		err = context.Cause(rctx)
	}
	if b != nil {
		cancel(nil)
		<-b.Closed()
	}
	c.busy = false
	switch {
	case err == nil:
		c.answered = true
		if resp.StatusCode < 200 || resp.StatusCode > 299 {
			return nil, httpclient.StatusError(method, resp, text)
		}
		return resp.Header, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err == io.EOF: // of the connection, before the answer
		err = io.ErrUnexpectedEOF
	}
	return nil, retryableError{err}
}

func (c *client) request(ctx context.Context, method string, u *url.URL, trusted bool, header http.Header) *http.Request {
	target := *u
	target.User = nil
	req := (&http.Request{Method: method, URL: &target, Header: make(http.Header), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	for _, t := range c.trusted {
		if trusted && t.User != nil && httpclient.SameHost(t, u) {
			password, _ := t.User.Password()
			req.SetBasicAuth(t.User.Username(), password)
		}
	}
	for key, values := range c.o.Header {
		switch key := http.CanonicalHeaderKey(key); {
		case key == "Host" && trusted:
			req.Host = c.o.Header.Get(key)
		case key != "Host" && (trusted || key == "User-Agent"):
			req.Header[key] = slices.Clone(values)
		}
	}
	for key := range header {
		req.Header.Set(key, header.Get(key))
	}
	if method != http.MethodOptions {
		req.Header.Set("Tus-Resumable", Version)
	}
	return req
}

// retried calls f until it succeeds or is not to be retried.
func (c *client) retried(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil {
			return nil
		}
		if err = c.again(ctx, err); err != nil {
			return err
		}
	}
}

// again waits before something that failed with err is tried again, or returns the error that is to
// be reported.
func (c *client) again(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var after time.Duration
	final := false
	var status *transfer.StatusError
	var broken retryableError
	switch {
	case errors.As(err, &status):
		if !transient(status.Status) {
			return err
		}
		after = httpfield.RetryAfter(status.Header)
	case errors.As(err, &broken):
		err, final = broken.error, retry.Permanent(broken.error, c.answered)
	default:
		return err
	}
	if final || c.retry.Exhausted() {
		return &transfer.NetworkError{Offset: c.offset, Retries: c.retry.Retries(), Resumable: c.kept, Err: err}
	}
	return c.retry.Wait(ctx, after, err)
}

// transient reports whether a status is no verdict: the offset was another (409), another client
// holds the upload (423), the bytes came damaged (460). 501 is one: an extension is not there.
func transient(status int) bool {
	switch status {
	case http.StatusConflict, http.StatusLocked, StatusChecksumMismatch:
		return true
	case http.StatusNotImplemented:
		return false
	}
	return retry.Transient(status)
}

// support asks what the server can do. It asks once and not for long, because the answer is not needed.
func (c *client) support(ctx context.Context, u *url.URL) (s Server, err error) {
	asking, cancel := context.WithTimeoutCause(ctx, supportTime, &transfer.TimeoutError{Limit: "answer", After: supportTime})
	defer cancel()
	h, _, err := c.do(asking, http.MethodOptions, u, nil, nil)
	switch {
	case ctx.Err() != nil:
		return s, context.Cause(ctx)
	case err != nil:
		if status := (*transfer.StatusError)(nil); errors.As(err, &status) && !transient(status.Status) {
			return s, fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		if broken, ok := errors.AsType[retryableError](err); ok {
			err = broken.error
		}
		return s, &transfer.NetworkError{Err: err}
	case !slices.Contains(list(h, "Tus-Version"), Version) && h.Get("Tus-Resumable") != Version:
		return s, ErrUnsupported
	}
	s.Extensions, s.Checksums = list(h, "Tus-Extension"), list(h, "Tus-Checksum-Algorithm")
	s.MaxSize = max(0, number(h, "Tus-Max-Size"))
	return s, nil
}

// state is how far an upload is.
type state struct {
	offset, length int64 // -1: not known
}

// state asks how far an upload is.
func (c *client) state(ctx context.Context, u *url.URL) (s state, err error) {
	var h http.Header
	err = c.retried(ctx, func() error {
		h, _, err = c.do(ctx, http.MethodHead, u, nil, nil)
		return err
	})
	if err != nil {
		return state{0, -1}, err
	}
	s = state{number(h, "Upload-Offset"), number(h, "Upload-Length")}
	if s.offset < 0 || s.length >= 0 && s.offset > s.length {
		return state{0, -1}, fmt.Errorf("%w: it says Upload-Offset %.20q of Upload-Length %.20q", ErrUnsupported, h.Get("Upload-Offset"), h.Get("Upload-Length"))
	}
	return s, nil
}

// create returns the URL of a new upload. A cancelled run gives it a moment, for what has been
// created must be removed.
func (c *client) create(ctx context.Context, endpoint *url.URL, size int64) (*url.URL, error) {
	header := make(http.Header)
	if size >= 0 {
		header.Set("Upload-Length", strconv.FormatInt(size, 10))
	} else {
		header.Set("Upload-Defer-Length", "1")
	}
	if m := httpfield.FormatUploadMetadata(c.o.Metadata); m != "" {
		header.Set("Upload-Metadata", m)
	}
	var h http.Header
	var from *url.URL // of the answer
	var refused error
	err := c.retried(ctx, func() (err error) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
		defer cancel(nil)
		timer := time.AfterFunc(math.MaxInt64, func() { cancel(context.Cause(ctx)) })
		defer timer.Stop()
		defer ioctx.Interrupt(ctx, func() { timer.Reset(createGrace) })()
		h, from, err = c.do(longer, http.MethodPost, endpoint, header, nil)
		if status := (*transfer.StatusError)(nil); errors.As(err, &status) && status.Status == http.StatusConflict {
			refused, err = status, nil // of an upload, 409 is about its offset; here it is about the place
		}
		return err
	})
	if err = cmp.Or(err, refused); err != nil {
		return nil, err
	}
	location := h.Get("Location")
	u, err := from.Parse(httpclient.EscapeLocation(location)) // RFC 9110 section 10.2.2
	switch {
	case location == "" || h.Get("Tus-Resumable") != Version:
		return nil, ErrUnsupported
	case err != nil:
		return nil, fmt.Errorf("the new upload's Location: not a URL: %w", httpclient.WithoutURL(err))
	case !httpclient.IsHTTP(u) || u.Hostname() == "":
		return nil, fmt.Errorf("the new upload's Location %.100q: want an http or https URL", location)
	case from.Scheme == "https" && u.Scheme != "https":
		return nil, fmt.Errorf("the new upload's Location goes from https to http: %.100q", httpclient.PlainURL(u))
	}
	u.User = nil
	return u, nil
}

// remove removes an upload. A server that has none, or removes none, is no failure.
func (c *client) remove(ctx context.Context, u *url.URL) error {
	ctx, cancel := context.WithTimeout(ctx, removeTime)
	defer cancel()
	c.retry.Progress()
	err := c.retried(ctx, func() error {
		_, _, err := c.do(ctx, http.MethodDelete, u, nil, nil)
		return err
	})
	if status := (*transfer.StatusError)(nil); errors.As(err, &status) {
		switch status.Status {
		case http.StatusNotFound, http.StatusGone, http.StatusMethodNotAllowed, http.StatusNotImplemented:
			return nil
		}
	}
	return err
}

// length returns how many bytes data has.
func length(data [][]byte) (n int64) {
	for _, b := range data {
		n += int64(len(b))
	}
	return n
}

// list returns the members of a header that is a list.
func list(h http.Header, key string) (members []string) {
	for m := range strings.SplitSeq(strings.Join(h.Values(key), ","), ",") {
		if m = strings.TrimSpace(m); m != "" {
			members = append(members, m)
		}
	}
	return members
}

// number returns the value of a header that is a number, or -1.
func number(h http.Header, key string) int64 {
	n, err := strconv.ParseUint(h.Get(key), 10, 63)
	if err != nil {
		return -1
	}
	return int64(n)
}
