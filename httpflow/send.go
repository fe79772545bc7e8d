package httpflow

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/weirflow/weir/sinks"
)

// buffer is what one channel of a response may hold, in bytes. Chunks have at most a quarter of it. It is small because slow
// clients are many.
const buffer = 64 << 10

// send writes an answer that has no content.
func (a answer) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	if a.text != "" {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.text)))
	}
	w.WriteHeader(a.status)
	io.WriteString(w, a.text) // a client that has left needs no answer
}

// serve answers a GET or HEAD with the resource, and closes it.
func serve(w http.ResponseWriter, r *http.Request, res *resource, opts FileOptions) {
	defer res.close()
	a := decide(r.Method, r.Header, res.content, time.Now())
	switch a.status {
	case http.StatusOK, http.StatusPartialContent:
		if opts.CacheControl != "" {
			a.header.Set("Cache-Control", opts.CacheControl)
		}
		a.header.Set("Content-Length", strconv.FormatInt(a.length, 10))
		if r.Method == http.MethodGet {
			flow(w, r, res, a, opts)
			return
		}
	case http.StatusNotModified: // RFC 9110 §15.4.5
		if opts.CacheControl != "" {
			a.header.Set("Cache-Control", opts.CacheControl)
		}
	}
	a.send(w)
}

// flow sends the content.
func flow(w http.ResponseWriter, r *http.Request, res *resource, a answer, opts FileOptions) {
	maps.Copy(w.Header(), a.header)
	out := &watched{ResponseWriter: w}
	p := res.source(a.offset, a.length).Via(opts.Via).To(sinks.ResponseWith(out, sinks.ResponseOptions{Status: a.status}))
	p.Buffer = buffer
	report, err := p.Run(r.Context())
	if opts.OnFlow != nil {
		opts.OnFlow(r, report, err)
	}
	switch {
	case err == nil:
	case !out.begun:
		for name := range a.header {
			w.Header().Del(name)
		}
		status := http.StatusInternalServerError
		if r.Context().Err() != nil {
			status = http.StatusServiceUnavailable // nobody sees it, unless somebody else's time limit was up
		}
		refuse(r.Method, status, http.Header{}).send(w)
	case errors.Is(err, http.ErrNotSupported):
		panic(http.ErrAbortHandler) // the sink could not break the response off
	}
}

// watched tells whether a response has begun.
type watched struct {
	http.ResponseWriter
	begun bool
}

func (w *watched) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(b []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(b)
}

// ReadFrom keeps the way to sendfile(2) open.
func (w *watched) ReadFrom(r io.Reader) (int64, error) {
	w.begun = true
	return io.Copy(w.ResponseWriter, r)
}

// Unwrap is for [http.ResponseController].
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }
