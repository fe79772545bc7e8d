package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// A flowHandler answers each GET with a run of a flow, at / and at its name. A HEAD runs nothing.
type flowHandler struct {
	server *server
	plan   *plan
	name   string // "" has none
	kind   string // media type; "" is what the first bytes look like
	coded  string // media type without the gzip at the flow's end; "" if that is no content coding
	once   bool   // there is only one standard input
	taken  atomic.Bool
}

// served are the name and the media type of what a flow makes. Where its last stage is gzip, coded is the type of what
// goes in there: clients that take gzip as a content coding get it as one.
func (p *plan) served() (name, kind, coded string) {
	name = filepath.Base(p.source.text)
	switch path, err := localPath(p.source.text); {
	case p.source.text == "-":
		name = ""
	case p.source.elem.network:
		if u, err := url.Parse(p.source.text); err == nil {
			name = urlName(u)
		}
	case err == nil:
		name = filepath.Base(path)
	}
	kind = typeOf(name)
	for _, s := range p.chain.stages {
		e := s.elem
		if e.keeps {
			continue
		}
		coded = ""
		switch {
		case e.name == "take":
		case e.name == "gzip":
			kind, coded = "application/gzip", kind
			if name != "" {
				name += ".gz"
			}
		case e.name == "gunzip":
			name = strings.TrimSuffix(name, ".gz")
			kind = typeOf(name)
		case e.name == "skip":
			kind = ""
		default: // a digest
			kind = "text/plain; charset=utf-8"
			if name != "" {
				name += "." + e.name
			}
		}
	}
	return name, kind, coded
}

func typeOf(name string) string {
	if ext := strings.ToLower(path.Ext(name)); ext != ".log" {
		return mime.TypeByExtension(ext)
	}
	return "text/plain; charset=utf-8"
}

func (h *flowHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := newFlowWriter(w, r)
	var digests []slog.Attr
	defer func() { h.server.request(r, f.end(), digests...) }()
	switch {
	case r.Method == http.MethodOptions: // RFC 9110 §9.3.7
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		f.WriteHeader(http.StatusNoContent)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		f.refuse(http.StatusMethodNotAllowed, "")
		return
	case r.URL.Path != "/" && (h.name == "" || r.URL.Path != "/"+h.name):
		f.refuse(http.StatusNotFound, "")
		return
	case h.once && (h.taken.Load() || r.Method == http.MethodGet && !h.taken.CompareAndSwap(false, true)):
		f.refuse(http.StatusGone, "standard input was read already, and can be read only once")
		return
	}
	h.describe(w.Header(), r)
	if r.Method == http.MethodHead {
		f.WriteHeader(http.StatusOK)
		return
	}
	b := h.server.app.newBuild(f.ctx)
	defer b.close()
	b.terminal = false
	b.retrying = func(source string, attempt int, wait time.Duration, cause error) {
		h.server.log.Warn(fmt.Sprintf("%s: %s; retry %d in %s", source, message(cause), attempt, formatDuration(wait)))
	}
	f.run(b, h.plan)
	for _, d := range b.digests {
		digests = append(digests, slog.String(d.algorithm, d.sum))
	}
}

// describe sets the header of a response with content. Its length is not known, and of parts nothing either.
func (h *flowHandler) describe(header http.Header, r *http.Request) {
	header.Set("Accept-Ranges", "none")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	kind := h.kind
	if h.coded != "" {
		header.Set("Vary", "Accept-Encoding")
		if takesGzip(r.Header.Values("Accept-Encoding")) {
			kind = h.coded
			header.Set("Content-Encoding", "gzip")
		}
	}
	if kind != "" {
		header.Set("Content-Type", kind)
	}
}

// takesGzip reads Accept-Encoding (RFC 9110 §12.5.3): whether gzip is acceptable to the client.
func takesGzip(values []string) bool {
	any := false
	for element := range strings.SplitSeq(strings.ToLower(strings.Join(values, ",")), ",") {
		name, weight, weighted := strings.Cut(element, ";")
		ok := true
		if weighted {
			q, is := strings.CutPrefix(strings.TrimSpace(weight), "q=")
			v, err := strconv.ParseFloat(q, 64)
			ok = is && err == nil && v > 0
		}
		switch strings.TrimSpace(name) {
		case "gzip", "x-gzip":
			return ok
		case "*":
			any = ok
		}
	}
	return any
}

// A flowWriter is the response that a flow writes to. It notes what becomes of it, and gives up a client that takes
// nothing for idleTime.
type flowWriter struct {
	http.ResponseWriter
	request *http.Request
	control *http.ResponseController
	ctx     context.Context // of the flow
	cancel  context.CancelCauseFunc
	start   time.Time
	timer   *time.Timer
	outcome httpflow.Outcome
	failed  error // of a write
}

func newFlowWriter(w http.ResponseWriter, r *http.Request) *flowWriter {
	f := &flowWriter{ResponseWriter: w, request: r, control: http.NewResponseController(w), start: time.Now()}
	f.ctx, f.cancel = context.WithCancelCause(r.Context())
	f.timer = time.AfterFunc(idleTime, func() {
		f.cancel(fmt.Errorf("%w: the client has stopped reading", httpflow.ErrTooSlow))
		_ = f.control.SetWriteDeadline(time.Unix(1, 0)) // frees a write that waits
	})
	f.timer.Stop()
	return f
}

// run answers with a run of the flow.
func (f *flowWriter) run(b *build, p *plan) {
	response := &element{role: sinkRole, name: "response", sink: func(*build, string) (pipeline.Sink, error) { return sinks.Response(f), nil }}
	one := *p
	one.chain.sink = &use{word{response.name, len(p.flow.words)}, response}
	pipe, err := b.pipeline(&one)
	if err == nil {
		_, err = pipe.Run(f.ctx)
	}
	f.outcome.Err = err
	switch {
	case err == nil:
	case errors.Is(err, http.ErrNotSupported): // it could not be broken off otherwise
		panic(http.ErrAbortHandler)
	case f.outcome.Status == 0 && f.ctx.Err() == nil: // nothing was written
		for name := range f.Header() {
			f.Header().Del(name)
		}
		f.refuse(errorStatus(err), "")
	}
}

// errorStatus is what a client is told of a flow that failed before its first byte.
func errorStatus(err error) int {
	_, status := statusOf(err)
	switch {
	case isA[*sources.NetworkError](err), isA[*sources.ChangedError](err), status:
		return http.StatusBadGateway
	case errors.Is(err, fs.ErrNotExist):
		return http.StatusNotFound
	case errors.Is(err, fs.ErrPermission):
		return http.StatusForbidden
	}
	return http.StatusInternalServerError
}

// refuse answers with an error status, and a text if the status says too little.
func (f *flowWriter) refuse(status int, text string) {
	if text == "" {
		text = http.StatusText(status)
	}
	http.Error(f, text, status)
}

// end is the outcome, when the handler is done.
func (f *flowWriter) end() httpflow.Outcome {
	f.timer.Stop()
	f.cancel(nil)
	o := f.outcome
	o.Elapsed = time.Since(f.start)
	// That the request's context is over says little: on HTTP/2 it also is when the response was broken off from here.
	cause := context.Cause(f.request.Context())
	o.ClientLeft = o.Err != nil && !errors.Is(o.Err, httpflow.ErrTooSlow) &&
		(cause != nil && errors.Is(o.Err, cause) || f.failed != nil && errors.Is(o.Err, f.failed))
	return o
}

func (f *flowWriter) WriteHeader(status int) {
	f.outcome.Status = status
	f.ResponseWriter.WriteHeader(status)
}

func (f *flowWriter) Write(b []byte) (int, error) {
	if f.outcome.Status == 0 {
		f.outcome.Status = http.StatusOK
	}
	const piece = 16 << 10 // what the client has idleTime for
	for written := 0; ; {
		f.timer.Reset(idleTime)
		n, err := f.ResponseWriter.Write(b[written:min(len(b), written+piece)])
		f.timer.Stop()
		written += n
		f.outcome.Bytes += int64(n)
		if err != nil {
			f.failed = err
		}
		if err != nil || written == len(b) {
			return written, err
		}
	}
}

// FlushError is for [http.ResponseController].
func (f *flowWriter) FlushError() error {
	f.timer.Reset(idleTime)
	defer f.timer.Stop()
	err := f.control.Flush()
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		f.failed = err
	}
	return err
}

// Unwrap is for [http.ResponseController].
func (f *flowWriter) Unwrap() http.ResponseWriter { return f.ResponseWriter }
