package sources

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/weirflow/weir/internal/httpfield"
)

// Validator says which version of a file a download is of, well enough to continue it. It is plain
// data, to be kept beside an unfinished file.
type Validator struct {
	ETag         string // a strong entity tag, with its quotes
	LastModified string // as the server wrote it; set only where it counts as strong, and there is no ETag
	Coding       string // content coding of the bytes, as in Content-Encoding; empty: none
	Size         int64  // the complete length in bytes; 0 means unknown
}

// Resumable reports whether a download can be continued with v.
func (v Validator) Resumable() bool { return v.ifRange() != "" }

// ifRange is the value of If-Range, or "".
func (v Validator) ifRange() string {
	if v.ETag != "" {
		if httpfield.IsStrongTag(v.ETag) {
			return v.ETag
		}
		return ""
	}
	return v.LastModified
}

// Remote is what a server says about a file.
type Remote struct {
	URL       string      // where it is, after redirects; it may have secrets in its query
	Header    http.Header // of the answer; the caller's to keep
	Size      int64       // the complete length in bytes; -1 means unknown
	Validator Validator   // for a later HTTPOptions.Validator, if it is Resumable
}

// NotResumable returns why a download of the file cannot be resumed, or "" if it can.
func (r Remote) NotResumable() string {
	if r.Validator.Resumable() {
		return ""
	}
	tags, modified := r.Header.Values("ETag"), r.Header.Get("Last-Modified")
	switch {
	case len(tags) > 1:
		return "the server sent several ETags"
	case len(tags) == 1 && strings.HasPrefix(tags[0], "W/"):
		return fmt.Sprintf("the ETag %.100s is a weak one", tags[0])
	case len(tags) == 1:
		return fmt.Sprintf("the ETag %.100q has no quotes", tags[0])
	case modified == "":
		return "the server sent no ETag and no Last-Modified"
	}
	if _, err := http.ParseTime(modified); err != nil {
		return fmt.Sprintf("the Last-Modified %.100q is no date", modified)
	}
	if _, err := http.ParseTime(r.Header.Get("Date")); err != nil {
		return "the server sent no Date to compare Last-Modified with"
	}
	return "the file was modified less than a minute before the answer, and there is no ETag"
}

// strongAge is by how much a Last-Modified must be older than Date to be strong. RFC 9110 section
// 8.8.2.2 wants a second, and enough for clocks that differ; RFC 7232 said 60.
const strongAge = 60 * time.Second

// validatorOf returns what an answer with the whole file has to resume with. A date counts only
// where there is no entity tag at all, not even a weak one (section 13.1.5).
func validatorOf(h http.Header) Validator {
	v := validatorWithout(h)
	v.Coding = codingOf(h)
	return v
}

// codingOf returns the content codings of an answer, without the identity.
func codingOf(h http.Header) string {
	coding := strings.ToLower(strings.TrimSpace(strings.Join(h.Values("Content-Encoding"), ", ")))
	if coding == "identity" {
		return ""
	}
	return coding
}

// validatorWithout is validatorOf without the coding.
func validatorWithout(h http.Header) Validator {
	if tags := h.Values("ETag"); len(tags) > 0 {
		if len(tags) == 1 && httpfield.IsStrongTag(tags[0]) {
			return Validator{ETag: tags[0]}
		}
		return Validator{}
	}
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil {
		return Validator{}
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil || date.Sub(modified) < strongAge {
		return Validator{}
	}
	return Validator{LastModified: h.Get("Last-Modified")}
}

// contradicts returns what in the header of an answer to If-Range says that it is about another
// version, or "". What must be there in a 206 is the ETag; a server should leave out Last-Modified
// (section 15.3.7).
func (v Validator) contradicts(h http.Header, mayLack bool) string {
	tag := h.Get("ETag")
	if tag != v.ETag && !(mayLack && tag == "") {
		return "its ETag was " + shownTag(v.ETag) + " and is now " + shownTag(tag)
	}
	if coding := codingOf(h); coding != v.Coding && !mayLack {
		return fmt.Sprintf("its Content-Encoding was %.50q and is now %.50q", v.Coding, coding)
	}
	if m := h.Get("Last-Modified"); v.LastModified != "" && m != "" && m != v.LastModified {
		return "its Last-Modified was " + strconv.Quote(v.LastModified) + " and is now " + strconv.Quote(m)
	}
	return ""
}

func shownTag(tag string) string {
	if tag == "" {
		return "missing"
	}
	return strconv.Quote(tag)
}
