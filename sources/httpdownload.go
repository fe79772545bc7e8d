package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/internal/peerwait"
	"github.com/weirflow/weir/internal/retry"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/transfer"
)

// download is a run of HTTPWith. It makes one attempt after the other until the file is complete.
type download struct {
	o       HTTPOptions
	req     *http.Request // for the whole file
	retry   *retry.Counter
	client  *http.Client
	release func()
	out     *pipeline.Outlet

	pos      int64 // of the next byte to emit, in the file
	emitted  bool  // a byte has been
	answered bool  // by the server, whatever
	begun    bool  // validator and size are those of the file that the bytes before pos belong to, or would

	validator Validator
	size      int64 // complete length of the file, -1 if unknown
	digests   digests
}

func newDownload(u *url.URL, o HTTPOptions, out *pipeline.Outlet) *download {
	o.Limits.Total = 0 // the run's context ends with it
	d := &download{o: o, out: out, req: newRequest(u, o.Header), retry: retry.New(o.Retry), pos: o.Offset, size: -1}
	d.client, d.release = newClient(o.Client)
	if o.Offset > 0 {
		d.validator = o.Validator
		if o.Validator.Size > 0 {
			d.size = o.Validator.Size
		}
	}
	return d
}

func (d *download) close() { d.release() }

func (d *download) run(ctx context.Context) error {
	for {
		before := d.pos
		complete, err := d.attempt(ctx)
		if d.pos > before {
			d.retry.Progress()
		}
		var failed *retryableError
		switch {
		case err == nil && complete:
			return d.finish()
		case err == nil: // a part of what was asked for, which is the server's to decide (RFC 9110 section 15.3.7)
			continue
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !errors.As(err, &failed):
			return err
		case failed.final || d.retry.Exhausted() || d.pos > 0 && !d.validator.Resumable():
			return &transfer.NetworkError{Offset: d.pos, Retries: d.retry.Retries(), Resumable: d.pos == 0 || d.validator.Resumable(), Err: failed.err}
		}
		if err := d.retry.Wait(ctx, failed.after, failed.err); err != nil {
			return err
		}
	}
}

// finish ends a download that is complete.
func (d *download) finish() error {
	if !d.emitted {
		d.promise()
	}
	return d.digests.verify()
}

// promise promises the size, if it is known. Nothing has been emitted so far.
func (d *download) promise() {
	if d.size >= 0 {
		d.out.SetSize(d.size - d.o.Offset)
	}
}

// attempt sends one request and emits what it brings. Its error is a *retryableError if another attempt
// may bring the rest.
func (d *download) attempt(ctx context.Context) (complete bool, err error) {
	actx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := peerwait.New(d.o.Limits, func(why *transfer.TimeoutError) { cancel(why) })
	defer w.Stop()
	req := d.req.Clone(actx)
	if d.pos > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.pos))
		req.Header.Set("If-Range", d.validator.ifRange())
	}
	_ = w.BeginAnswer() // whatever is late, the request is cancelled
	resp, err := d.client.Do(req)
	_ = w.End(0)
	if err != nil {
		return false, d.broken(actx, httpclient.WithoutURL(err))
	}
	defer resp.Body.Close()
	d.answered = true
	part, err := d.judge(ctx, resp)
	if errors.Is(err, errUnexpectedStatus) {
		err = refused(resp, cancel)
	}
	if changed := (*ChangedError)(nil); errors.As(err, &changed) && resp.StatusCode < 300 {
		changed.Answer = remoteOf(resp)
	}
	if err != nil || part.nothing {
		return part.nothing, err
	}
	return d.take(ctx, actx, resp, part, w)
}

// broken says why an attempt broke off: the cause of its context, if that has ended.
func (d *download) broken(actx context.Context, err error) error {
	if actx.Err() != nil {
		err = context.Cause(actx)
	}
	if errors.Is(err, ErrRedirect) {
		return err
	}
	if err == io.EOF { // of the connection, before the answer
		err = io.ErrUnexpectedEOF
	}
	return &retryableError{err: err, final: retry.Permanent(err, d.answered)}
}

// refused returns the error for an answer with an unexpected status.
func refused(resp *http.Response, cancel context.CancelCauseFunc) error {
	err := httpclient.StatusError(http.MethodGet, resp, httpclient.ReadAnswer(resp, cancel))
	if retry.Transient(resp.StatusCode) {
		return &retryableError{err: err, after: httpfield.RetryAfter(resp.Header)}
	}
	return err
}

// take emits the part of the file that an answer brings.
func (d *download) take(ctx, actx context.Context, resp *http.Response, p part, w *peerwait.Wait) (complete bool, err error) {
	var content digests
	content.start(p.claims, nil, false)
	b := &body{r: resp.Body, wait: w, skip: p.skip, left: p.length, taken: func(b []byte) {
		if !d.emitted {
			d.promise()
			d.emitted = true
		}
		d.pos += int64(len(b))
		d.digests.write(b)
		content.write(b)
	}}
	err = d.out.CopyFrom(ctx, b)
	switch {
	case b.err == errBodyTooLong:
		return false, d.changed("%v", errBodyTooLong)
	case b.err != nil:
		return false, d.broken(actx, b.err)
	case err != nil:
		return false, err
	}
	if err := content.verify(); err != nil {
		return false, err
	}
	d.digests.add(claimsOf(resp.Trailer, httpfield.ReprDigest))
	if p.whole {
		d.digests.add(claimsOf(resp.Trailer, httpfield.ContentDigest))
	}
	if d.size < 0 && p.whole {
		d.size = d.pos
	}
	return p.whole || d.pos == d.size, nil
}

func (d *download) changed(format string, args ...any) error {
	return &ChangedError{Offset: d.pos, Reason: fmt.Sprintf(format, args...)}
}
