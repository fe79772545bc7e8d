package httpflow

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/weirflow/weir/internal/httpfield"
)

// methods is the Allow header of everything that serves content.
const methods = "GET, HEAD, OPTIONS"

// A representation is what a resource has at the moment of a request (RFC 9110 §3.2).
type representation struct {
	size    int64
	modTime time.Time // zero: unknown
	changed time.Time // when the content or an attribute last changed; zero: unknown
	etag    string    // with its quotes, and the W/ of a weak one; empty: none
	kind    string    // media type
	coding  string    // content coding; empty: identity
	vary    bool      // which coding it has depends on the request
}

// An answer says what to send: status and header, then length bytes of the content from offset on,
// or several parts of it that make length bytes with what frames them, or the text if there is one.
// It never has a body for HEAD. The sender adds Content-Length, and the Content-Type if there are
// parts, because that has the boundary in it.
type answer struct {
	status         int
	header         http.Header
	offset, length int64
	parts          []httpfield.ByteRange
	text           string
}

// refuse is an answer without content. Where the status allows a body, it names the status.
func refuse(method string, status int, header http.Header) answer {
	a := answer{status: status, header: header}
	if status == http.StatusServiceUnavailable { // RFC 9110 §15.6.4
		header.Set("Retry-After", "1")
	}
	if method != http.MethodHead && status != http.StatusNoContent && status != http.StatusNotModified {
		header.Set("Content-Type", "text/plain; charset=utf-8")
		header.Set("X-Content-Type-Options", "nosniff")
		a.text = http.StatusText(status) + "\n"
	}
	return a
}

// decideMethod answers what needs no content. It reports false for GET and HEAD.
func decideMethod(method string) (answer, bool) {
	switch method {
	case http.MethodGet, http.MethodHead:
		return answer{}, false
	case http.MethodOptions: // RFC 9110 §9.3.7
		return refuse(method, http.StatusNoContent, http.Header{"Allow": {methods}}), true
	default: // RFC 9110 §15.5.6
		return refuse(method, http.StatusMethodNotAllowed, http.Header{"Allow": {methods}}), true
	}
}

// decide says what a GET or HEAD with the header h is answered, for the content c at the time now.
// It depends on nothing else: RFC 9110 §13 (conditions) and §14 (ranges). The caller adds what does
// not depend on the request (Cache-Control, Content-Disposition).
func decide(method string, h http.Header, c representation, now time.Time) answer {
	modified := lastModified(c.modTime, now)
	validators := http.Header{}
	if c.etag != "" {
		validators.Set("Etag", c.etag)
	}
	if !modified.IsZero() {
		validators.Set("Last-Modified", modified.Format(http.TimeFormat))
	}
	if c.vary { // §12.5.5
		validators.Set("Vary", "Accept-Encoding")
	}

	// Conditions, in the order of RFC 9110 §13.2.2.
	date := func(name string) (time.Time, bool) {
		values, ok := h[name]
		if !ok || modified.IsZero() {
			return time.Time{}, false
		}
		return httpfield.Date(values)
	}
	if match, ok := h["If-Match"]; ok { // §13.1.1
		if !httpfield.TagMatches(match, c.etag, true) {
			return refuse(method, http.StatusPreconditionFailed, http.Header{})
		}
	} else if since, ok := date("If-Unmodified-Since"); ok { // §13.1.4
		if modified.After(since) {
			return refuse(method, http.StatusPreconditionFailed, http.Header{})
		}
	}
	if match, ok := h["If-None-Match"]; ok { // §13.1.2
		if httpfield.TagMatches(match, c.etag, false) {
			return refuse(method, http.StatusNotModified, validators)
		}
	} else if since, ok := date("If-Modified-Since"); ok { // §13.1.3
		if !modified.After(since) {
			return refuse(method, http.StatusNotModified, validators)
		}
	}

	a := answer{status: http.StatusOK, header: validators, length: c.size}
	a.header.Set("Content-Type", c.kind)
	a.header.Set("X-Content-Type-Options", "nosniff")
	a.header.Set("Accept-Ranges", "bytes") // §14.3
	if c.coding != "" {
		a.header.Set("Content-Encoding", c.coding) // §8.4
	}
	if method != http.MethodGet { // §14.2: a Range field is defined for GET alone
		return a
	}
	if ifRange, ok := h["If-Range"]; ok && !sameForRange(ifRange, c, modified, now) { // §13.1.5
		return a
	}
	field, ok := h["Range"]
	if !ok {
		return a
	}
	ranges, ok := httpfield.Ranges(field, c.size)
	switch {
	case !ok:
	case len(ranges) == 0: // §15.5.17
		return refuse(method, http.StatusRequestedRangeNotSatisfiable, http.Header{
			"Accept-Ranges": {"bytes"},
			"Content-Range": {"bytes */" + strconv.FormatInt(c.size, 10)},
		})
	case len(ranges) == 1: // §15.3.7.1
		r := ranges[0]
		a.status, a.offset, a.length = http.StatusPartialContent, r.First, r.Len()
		a.header.Set("Content-Range", r.ContentRange(c.size))
	case len(ranges) <= maxParts: // §15.3.7.2; more are ignored, as §14.2 permits and §17.15 advises
		if n := multipartLength(c, ranges); n <= c.size {
			a.status, a.parts, a.length = http.StatusPartialContent, ranges, n
			a.header.Del("Content-Type")
		}
	}
	return a
}

// lastModified is t in the precision of the header field, and never later than now (RFC 9110
// §8.8.2.1).
func lastModified(t, now time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	if t.After(now) {
		t = now
	}
	return t.UTC().Truncate(time.Second)
}

// sameForRange evaluates If-Range: is the content still the one that the client has a part of? Only
// a strong validator can tell (RFC 9110 §13.1.5).
func sameForRange(values []string, c representation, modified, now time.Time) bool {
	if len(values) != 1 {
		return false
	}
	value := strings.Trim(values[0], " \t")
	if tag, isWeak, rest, ok := httpfield.CutTag(value); ok {
		return rest == "" && !isWeak && c.etag != "" && tag == c.etag
	}
	if strings.HasPrefix(c.etag, "W/") {
		return false // what is not known to be the same for the tag is not for a date
	}
	since, err := http.ParseTime(value)
	// §8.8.2.2: a date is strong only if the content did not change again within that second. That
	// the client saw it after that second is for the client to make sure; that the second is over
	// can be checked here, and so can that nothing has changed later and got its old date back.
	return err == nil && !modified.IsZero() && since.Equal(modified) && now.Sub(modified) >= time.Second &&
		c.changed.Before(modified.Add(time.Second))
}
