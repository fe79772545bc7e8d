package cli

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sources"
)

// Message is the text of an error, in one line: the node's name, what went wrong, the cause. A line break in a name is escaped.
func Message(err error) string { return text.Printable(oneLine(err)) }

// oneLine is the text of an error with "; " between those that errors.Join has put on lines of their own.
func oneLine(err error) string {
	message := err.Error()
	if !strings.Contains(message, "\n") {
		return message
	}
	switch e := err.(type) { //nolint:errorlint // each level in its turn
	case interface{ Unwrap() []error }:
		all := e.Unwrap()
		raw, lines := make([]string, len(all)), make([]string, len(all))
		for i, one := range all {
			raw[i], lines[i] = one.Error(), oneLine(one)
		}
		if strings.Join(raw, "\n") == message {
			return strings.Join(lines, "; ")
		}
		for i := range all {
			message = strings.Replace(message, raw[i], lines[i], 1)
		}
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			message = strings.Replace(message, inner.Error(), oneLine(inner), 1)
		}
	}
	return message
}

// Hint is what to do about an error; empty when its message says it.
func Hint(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Hint
	}
	if e, ok := errors.AsType[*flow.Error](err); ok {
		return e.Hint
	}
	for _, h := range hints {
		if h.is(err) {
			return h.hint
		}
	}
	return ""
}

// hints are for the errors of others.
var hints = []struct {
	is   func(error) bool
	hint string
}{
	{isTruncated, "the input is truncated, or not complete yet"},
	{isShort, "it was truncated while it was read"},
	{isA[*sources.ModifiedError], "wait until no program writes to it; --no-check-source takes it as it is"},
	{isA[*httpclient.ProxyError], "http_proxy, https_proxy and all_proxy name the proxy, no_proxy what is reached without it"},
	{is(syscall.ECONNREFUSED), "nothing listens there; is the server running?"},
	{isUnknownHost, "is the host's name spelled right?"},
	{isA[*tls.CertificateVerificationError], "the system does not know who signed it; on Linux SSL_CERT_FILE names certificates to trust"},
	{isA[*atomicfile.ReplaceError], writeOverHint},
	{func(err error) bool {
		return (isA[*pipeline.Error](err) || isA[*DestinationError](err)) && errors.Is(err, fs.ErrPermission)
	}, "this user may not write there"},
	{is(fs.ErrPermission), MayNotRead},
	{is(syscall.EBADF), "it is closed, or it is /dev/null opened both for reading and writing, which looks the same: redirect it"},
	{is(syscall.ENOSPC), "the disk is full: free space there, or choose another destination"},
	{is(fs.ErrExist), "it appeared while the flow ran; -f replaces it, -n skips it"},
	{refusedWith(http.StatusMethodNotAllowed), noUploads},
	{refusedWith(http.StatusNotImplemented), noUploads},
	{refusedWith(http.StatusConflict), "the server may have no such directory, or a directory of that name"},
	{refusedWith(http.StatusPreconditionFailed), "the server has such a file, which is not to be replaced"},
	{refusedWith(http.StatusRequestEntityTooLarge), "the server accepts no file of that size"},
	{refusedWith(http.StatusInsufficientStorage), "the server's disk is full"},
	{isA[*pipeline.PanicError], "this is a defect in the program"},
}

// MayNotRead is the hint for a source that is refused.
const MayNotRead = "this user may not read it, or may not enter its directory"

const noUploads = "that server accepts no uploads there; pipe-demo receive is one that does"

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func isUnknownHost(err error) bool {
	e, ok := errors.AsType[*net.DNSError](err)
	return ok && e.IsNotFound
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
