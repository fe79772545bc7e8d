package httpflow

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/weirflow/weir/sinks"
)

// The chunks of a response, and what one channel of it may hold, in bytes. They are small because
// slow clients are many; see also section.
const (
	chunkSize = 16 << 10
	buffer    = 16 << 10
)

// serve answers a GET or HEAD with the resource, and closes it.
func (x *exchange) serve(res *resource) {
	defer res.close()
	r, opts := x.request, x.opts
	a := decide(r.Method, r.Header, res.content, time.Now())
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
	if r.Method == http.MethodGet && (a.status == http.StatusOK || a.status == http.StatusPartialContent) {
		x.flow(res, a)
		return
	}
	x.send(a)
}

// flow sends the content.
func (x *exchange) flow(res *resource, a answer) {
	ctx := x.ctx
	if total := x.opts.Limits.Total; total > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, x.wait.start.Add(total), errTotal)
		defer cancel()
	}
	source := res.source(a.offset, a.length)
	if len(a.parts) > 0 {
		boundary := newBoundary()
		a.header.Set("Content-Type", "multipart/byteranges; boundary="+boundary)
		source = multipart(res.at, res.name, boundary, res.content, a.parts)
	}
	maps.Copy(x.Header(), a.header)
	p := source.Via(x.opts.Via).To(sinks.ResponseWith(x.writer(), sinks.ResponseOptions{Status: a.status}))
	p.ChunkSize, p.Buffer = chunkSize, buffer
	report, err := p.Run(ctx)
	if x.opts.OnFlow != nil {
		x.opts.OnFlow(x.request, report, err)
	}
	x.outcome.Err = err
	switch {
	case err == nil:
	case x.outcome.Status == 0: // not begun
		for name := range a.header {
			x.Header().Del(name)
		}
		status := http.StatusInternalServerError
		if ctx.Err() != nil {
			status = http.StatusServiceUnavailable // nobody sees it, unless a time limit was up
		}
		x.wait.Total = 0
		x.refuse(status, err)
	case errors.Is(err, http.ErrNotSupported):
		panic(http.ErrAbortHandler) // the sink could not break the response off
	}
}
