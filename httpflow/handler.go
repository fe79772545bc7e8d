package httpflow

import (
	"errors"
	"io/fs"
	"net/http"
	"path"
	"syscall"

	"github.com/weirflow/weir/internal/filelimit"
	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/internal/peerwait"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/transfer"
)

// HandlerOptions are the settings of [Handler].
type HandlerOptions struct {
	Options

	// Name is the name of the content, without a directory. Its extension stands for the media type,
	// and with Attachment the client saves the content under it. Empty: none.
	Name string

	// ContentType is the media type of the content. Empty: that of Name's extension, else what the
	// first bytes look like.
	ContentType string

	// Coding is the content coding of the bytes that the source emits, such as "gzip". Clients that
	// prefer it by their Accept-Encoding (RFC 9110 §12.5.3) get a Content-Encoding field with it, and
	// the media type of what is coded. To the others the same bytes are a file in that format: its
	// media type is that of the format, and its name ends as such files do. Empty: none.
	Coding string

	// Encode, if it is not the zero Stage, makes the Coding out of what the source emits, for the
	// clients that prefer it. The others get what the source emits.
	Encode pipeline.Stage
}

// Handler returns a handler that answers each GET with a run of the source that the function returns
// for it. It answers all paths; the function may return [fs.ErrNotExist]. A HEAD is answered with
// the same header fields, and its source is not run. The handler is only a description: where its
// settings depend on the request, make one for the request and call its ServeHTTP.
//
// The response has a Content-Length if the source knows its size ([pipeline.Outlet.SetSize]) and no
// stage changes it. There are no conditions and no ranges, because two runs need not emit the same
// bytes: fields that ask for them are ignored.
//
// An error of the function, and one of the flow before its first byte, is an error status. An
// [Error] says which. Otherwise it is 404 for [fs.ErrNotExist], 403 for [fs.ErrPermission], 502 or
// 504 for a server that the flow failed to read from, 503 when Total is over or there are no more
// descriptors, and 500 for all else. After the first byte a failure breaks the response off, so that
// no client takes it for a complete one: on HTTP/2 the stream is reset, on HTTP/1 the connection is
// closed before the end of the body. For a client of HTTP/1.0 the end of the connection is the end
// of a body without a length; there the connection is reset.
func Handler(source func(r *http.Request) (pipeline.Source, error), opts HandlerOptions) http.Handler {
	return handler{source, opts}
}

type handler struct {
	source func(r *http.Request) (pipeline.Source, error)
	opts   HandlerOptions
}

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 1 || r.ProtoMinor != 0 || r.Method == http.MethodHead {
		h.answer(w, r)
		return
	}
	c := &closeDelimited{ResponseWriter: w, control: http.NewResponseController(w)}
	complete := false
	defer func() { c.end(complete) }()
	complete = h.answer(c, r)
}

// answer reports whether the response is complete.
func (h handler) answer(w http.ResponseWriter, r *http.Request) bool {
	x := newExchange(w, r, &h.opts.Options)
	defer x.end()
	h.respond(x)
	return x.outcome.Err == nil
}

func (h handler) respond(x *exchange) {
	if a, done := decideMethod(x.request.Method); done {
		x.send(a)
		return
	}
	src, err := h.source(x.request)
	if err != nil {
		x.fail(err)
		return
	}
	src, header := h.represent(src, x.request.Header["Accept-Encoding"])
	if x.request.Method == http.MethodHead {
		x.send(answer{status: http.StatusOK, header: header})
		return
	}
	err = x.run(src, http.StatusOK, header)
	if err == nil && x.request.ProtoMajor == 1 && x.request.ProtoMinor == 0 {
		err = x.flush() // the connection is no longer the server's to flush
	}
	x.conclude(err, header)
}

// represent returns the source of what the client gets, and the header fields for it.
func (h handler) represent(src pipeline.Source, acceptEncoding []string) (pipeline.Source, http.Header) {
	opts := &h.opts
	header := http.Header{"Accept-Ranges": {"none"}, "X-Content-Type-Options": {"nosniff"}}
	name, kind := opts.Name, opts.ContentType
	if kind == "" {
		kind = typeByName(name)
	}
	if opts.Coding != "" {
		header.Set("Vary", "Accept-Encoding") // RFC 9110 §12.5.5
		suffix := codingSuffix(opts.Coding)
		switch {
		case httpfield.AcceptEncoding(acceptEncoding).Prefers(opts.Coding):
			header.Set("Content-Encoding", opts.Coding)
			src = src.Via(opts.Encode)
		case opts.Encode.IsZero():
			if kind = typeByName(suffix); kind == "" {
				kind = "application/octet-stream"
			}
			if name != "" {
				name += suffix
			}
		}
	}
	if kind != "" {
		header.Set("Content-Type", kind)
	}
	if opts.CacheControl != "" {
		header.Set("Cache-Control", opts.CacheControl)
	}
	if opts.Attachment && name != "" {
		header.Set("Content-Disposition", attachment(path.Base(name)))
	}
	return src, header
}

// An Error says what a [Handler] answers a request with. It comes from the handler's function, or from
// the flow before its first byte.
type Error struct {
	Status int    // of the response, 400 to 599
	Text   string // a line for the client; empty: the status in words
}

func (e *Error) Error() string {
	if e.Text == "" {
		return http.StatusText(e.Status)
	}
	return e.Text
}

// fail answers with the error status for err. Nothing has been written.
func (x *exchange) fail(err error) {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Status < 400 || e.Status > 599 {
		e = &Error{Status: x.failureStatus(err)}
	}
	if !ok || e.Status >= 500 {
		x.outcome.Err = err
	}
	a := refuse(x.request.Method, e.Status, http.Header{})
	if a.text != "" && e.Text != "" {
		a.text = e.Text + "\n"
	}
	x.wait.Stop() // a total that is over does not concern the answer
	x.wait = peerwait.New(transfer.Limits{Idle: x.opts.Limits.Idle}, x.giveUp)
	x.send(a)
}

// failureStatus is the status for a flow that failed with err before its first byte.
func (x *exchange) failureStatus(err error) int {
	switch {
	case x.ctx.Err() != nil, x.total != nil && errors.Is(err, x.total): // seen only if a time limit was exceeded
		return http.StatusServiceUnavailable
	case isA[*transfer.NetworkError](err), isA[*sources.ChangedError](err), isA[*transfer.StatusError](err):
		return http.StatusBadGateway
	case isA[*transfer.TimeoutError](err):
		return http.StatusGatewayTimeout
	case errors.Is(err, fs.ErrNotExist):
		return http.StatusNotFound
	case errors.Is(err, fs.ErrPermission):
		return http.StatusForbidden
	case filelimit.Exhausted(err), errors.Is(err, syscall.ENOMEM), isA[*sources.ModifiedError](err):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
