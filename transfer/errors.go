package transfer

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// StatusError is an answer of a server that is not the success that was asked for. For a GET or HEAD,
// 404 and 410 are an [fs.ErrNotExist] in the sense of errors.Is.
type StatusError struct {
	Method string      // of the request
	Status int         // the status code
	Header http.Header // of the answer
	Body   []byte      // the beginning of the answer's body, at most 4 KiB, as far as it arrived within a second
}

// Error has the status, the target of a redirect without its user, password and query, and the first line of the body where
// that is a reason: not a page of HTML or XML, and not the status again.
func (e *StatusError) Error() string {
	who := "the server"
	if e.Method == http.MethodConnect || e.Status == http.StatusProxyAuthRequired {
		who = "the proxy"
	}
	status := strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)))
	s := who + " answered " + status
	if to := e.redirect(); to != "" {
		return fmt.Sprintf("%s, a redirect to %.500s", s, to)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(e.Body)), "\n")
	if line == "" || line[0] == '<' || strings.Contains(strings.ToLower(status), strings.ToLower(strings.TrimRight(line, ".\r"))) {
		return s
	}
	return fmt.Sprintf("%s: %.200q", s, line) // quoted, because it goes to terminals and logs
}

// redirect returns where a redirect leads (RFC 9110 section 15.4), as it may be shown, or "".
func (e *StatusError) redirect() string {
	switch e.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return ""
	}
	u, err := url.Parse(e.Header.Get("Location"))
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String()
}

// Is reports whether target is fs.ErrNotExist and the answer says that about what was to be read.
// About the target of an upload, 404 says something else: there is no place for it.
func (e *StatusError) Is(target error) bool {
	reads := e.Method == http.MethodGet || e.Method == http.MethodHead
	return target == fs.ErrNotExist && reads && (e.Status == http.StatusNotFound || e.Status == http.StatusGone)
}

// NetworkError is a transfer that broke off and is not, or not any longer, retried.
type NetworkError struct {
	Offset    int64 // bytes from the beginning of the file or upload: emitted by a source, handed to the network by a sink, acknowledged by a tus server
	Retries   int   // retries since the last progress
	Resumable bool  // a later run can continue at Offset
	Err       error // the last failure: a *StatusError for an answer that may be another one later
}

func (e *NetworkError) Error() string {
	s := e.Err.Error()
	if e.Offset > 0 {
		s = fmt.Sprintf("at byte %d: %s", e.Offset, s)
	}
	switch {
	case e.Retries == 1:
		return s + " (1 retry)"
	case e.Retries > 1:
		return fmt.Sprintf("%s (%d retries)", s, e.Retries)
	}
	return s
}

// Unwrap returns Err.
func (e *NetworkError) Unwrap() error { return e.Err }

// TimeoutError is one of the [Limits] that was exceeded. It is a [context.DeadlineExceeded] in the
// sense of errors.Is.
type TimeoutError struct {
	Limit string        // "idle", "answer", "rate" or "total"
	After time.Duration // Idle, Answer, MinRateWindow or Total
}

func (e *TimeoutError) Error() string {
	switch e.Limit {
	case "idle":
		return fmt.Sprintf("no progress for %v", e.After)
	case "answer":
		return fmt.Sprintf("no answer for %v", e.After)
	case "rate":
		return fmt.Sprintf("%v behind the minimum rate", e.After)
	}
	return fmt.Sprintf("not done after %v", e.After)
}

// Timeout returns true, as for a net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// Is reports whether target is context.DeadlineExceeded.
func (e *TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// DigestError is a stream that is complete and has another digest than expected.
type DigestError struct {
	Field     string // Repr-Digest or Content-Digest; "" for a digest that the caller gave
	Algorithm string // sha-256 or sha-512; "" for a hash that the caller gave
	Want, Got []byte
}

func (e *DigestError) Error() string {
	what := "the digest"
	if e.Algorithm != "" {
		what = "the " + e.Algorithm
	}
	if e.Field != "" {
		what += " of " + e.Field
	}
	return fmt.Sprintf("%s does not match: got %x, want %x", what, e.Got, e.Want)
}

// TruncatedError is a file, a body or an upload that ended before its known length. It is an
// [io.ErrUnexpectedEOF] in the sense of errors.Is.
type TruncatedError struct {
	Want, Got int64 // bytes
}

func (e *TruncatedError) Error() string {
	return fmt.Sprintf("truncated: got %d of %d bytes", e.Got, e.Want)
}

// Is reports whether target is io.ErrUnexpectedEOF.
func (e *TruncatedError) Is(target error) bool { return target == io.ErrUnexpectedEOF }
