package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/internal/httpkit"
	"github.com/weirflow/weir/pipeline"
)

// download is a run of HTTPWith. It makes one attempt after the other until the file is complete.
type download struct {
	o       HTTPOptions
	req     *http.Request // for the whole file
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
	d := &download{o: o, out: out, req: newRequest(u, o.Header), pos: o.Offset, size: -1}
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
	for failures := 0; ; {
		before := d.pos
		complete, err := d.attempt(ctx)
		if d.pos > before {
			failures = 0
		}
		var b *breakage
		switch {
		case err == nil && complete:
			return d.finish()
		case err == nil: // a part of what was asked for, which is the server's to decide (RFC 9110 section 15.3.7)
			continue
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !errors.As(err, &b):
			return err
		case b.final || failures == httpkit.RetryLimit(d.o.Retries) || d.pos > 0 && !d.validator.Resumable():
			return &NetworkError{Offset: d.pos, Retries: failures, Resumable: d.pos == 0 || d.validator.Resumable(), Err: b.err}
		}
		failures++
		wait := httpkit.Wait(failures, b.after, httpkit.Limit(d.o.MaxWait, httpkit.MaxWait))
		if d.o.OnRetry != nil {
			d.o.OnRetry(failures, wait, b.err)
		}
		if err := httpkit.Pause(ctx, wait); err != nil {
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

// attempt sends one request and emits what it brings. Its error is a *breakage if another attempt
// may bring the rest.
func (d *download) attempt(ctx context.Context) (complete bool, err error) {
	actx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := d.o.watch(cancel)
	req := d.req.Clone(actx)
	if d.pos > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.pos))
		req.Header.Set("If-Range", d.validator.ifRange())
	}
	w.Begin(false)
	resp, err := d.client.Do(req)
	w.End(0)
	if err != nil {
		return false, d.broken(actx, httpkit.Bare(err))
	}
	defer resp.Body.Close()
	d.answered = true
	part, err := d.judge(ctx, resp)
	if errors.Is(err, errStatus) {
		err = refused(resp, cancel)
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
	return &breakage{err: err, final: httpkit.Hopeless(err, d.answered)}
}

// refused returns the error for an answer that is no success.
func refused(resp *http.Response, cancel context.CancelCauseFunc) error {
	err := &StatusError{resp.StatusCode, resp.Header, httpkit.ReadAnswer(resp, cancel)}
	if httpkit.Transient(resp.StatusCode) {
		return &breakage{err: err, after: httpfield.RetryAfter(resp.Header)}
	}
	return err
}

// take emits the part of the file that an answer brings.
func (d *download) take(ctx, actx context.Context, resp *http.Response, p part, w *httpkit.Watch) (complete bool, err error) {
	var content digests
	content.start(p.claims, nil, false)
	b := &body{r: resp.Body, watch: w, skip: p.skip, left: p.length, taken: func(b []byte) {
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
	case b.err == errLong:
		return false, d.changed("%v", errLong)
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
