package httpflow

import (
	"net/http"
	"strings"
	"time"

	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/tus"
)

// The methods of what a receiver has: the files, and the uploads.
const (
	receiverMethods = "HEAD, PUT, POST, OPTIONS"
	uploadMethods   = "HEAD, PATCH, DELETE, OPTIONS"
)

// A target is what is there under the name of a file that is to be received.
type target struct {
	representation      // what the client may know of it
	exists         bool // anything is there
	other          bool // a directory, or something that is written in place
}

// decideReceive answers what needs no look at the disk. It reports false for requests that are to
// go on, as far as their method and header are concerned.
func decideReceive(method string, r *http.Request, opts ReceiverOptions) (answer, bool) {
	h, upload := r.Header, r.URL.Query().Get("upload") != ""
	deny := func(status int, header http.Header) (answer, bool) { return refuse(method, status, header), true }
	switch {
	case method == http.MethodOptions: // RFC 9110 §9.3.7; it needs no Tus-Resumable
		return deny(http.StatusNoContent, tusOptions(upload, opts))
	case method == http.MethodHead && !upload:
		return answer{}, false
	case method == http.MethodPut && !upload:
		return decidePut(r, opts)
	case method == http.MethodPost && !upload:
	case (method == http.MethodHead || method == http.MethodPatch || method == http.MethodDelete) && upload:
	default: // RFC 9110 §15.5.6
		return deny(http.StatusMethodNotAllowed, http.Header{"Allow": {allowed(upload)}})
	}
	if h.Get("Tus-Resumable") != tus.Version { // tus, Tus-Resumable
		return deny(http.StatusPreconditionFailed, http.Header{"Tus-Version": {tus.Version}, "Tus-Resumable": {tus.Version}})
	}
	return answer{}, false
}

func allowed(upload bool) string {
	if upload {
		return uploadMethods
	}
	return receiverMethods
}

// decidePut decides about the request for itself. What there is under the name does not count yet
// (RFC 9110 §13.2.1: conditions come last).
func decidePut(r *http.Request, opts ReceiverOptions) (answer, bool) {
	deny := func(status int, header http.Header) (answer, bool) { return refuse(r.Method, status, header), true }
	h := r.Header
	if _, ok := h["Content-Range"]; ok { // RFC 9110 §14.5
		return deny(http.StatusBadRequest, http.Header{})
	}
	for _, c := range h["Content-Encoding"] { // RFC 9110 §15.5.16: it says what would be accepted
		if !strings.EqualFold(strings.Trim(c, " \t"), "identity") {
			return deny(http.StatusUnsupportedMediaType, http.Header{"Accept-Encoding": {"identity"}})
		}
	}
	for _, field := range digestFields {
		if _, ok := httpfield.Digests(h[field]); !ok {
			return deny(http.StatusBadRequest, http.Header{})
		}
	}
	if opts.MaxSize > 0 && r.ContentLength > opts.MaxSize { // RFC 9110 §15.5.14
		return deny(http.StatusRequestEntityTooLarge, http.Header{})
	}
	return answer{}, false
}

// permits evaluates the conditions in h for a file that is to be put where t is: RFC 9110 §13.2.2,
// for methods other than GET and HEAD.
func permits(h http.Header, t target, now time.Time) bool {
	if match, ok := h["If-Match"]; ok { // §13.1.1
		if !t.exists || !httpfield.TagMatches(match, t.etag, true) {
			return false
		}
	} else if since, ok := httpfield.Date(h["If-Unmodified-Since"]); ok && t.exists { // §13.1.4
		if t.modTime.IsZero() || lastModified(t.modTime, now).After(since) {
			return false
		}
	}
	if match, ok := h["If-None-Match"]; ok && t.exists { // §13.1.2
		return !httpfield.TagMatches(match, t.etag, false)
	}
	return true
}

// createsOnly reports whether an existing file must not be replaced, whatever it is.
func createsOnly(h http.Header) bool {
	return strings.Trim(strings.Join(h["If-None-Match"], ","), " \t") == "*"
}

// conditions are the fields of h that permits knows.
func conditions(h http.Header) http.Header {
	var c http.Header
	for _, name := range []string{"If-Match", "If-None-Match", "If-Unmodified-Since"} {
		if v, ok := h[name]; ok {
			if c == nil {
				c = http.Header{}
			}
			c[name] = v
		}
	}
	return c
}
