package sources

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"

	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/transfer"
)

// HTTPOptions are the settings of [HTTPWith].
type HTTPOptions struct {
	// Client sends the requests. Its transport has the timeouts for connecting, TLS and headers;
	// its Timeout, if it has one, breaks off each request, which is then retried. nil means a
	// client for each run: proxies from the environment, 30 s to connect, 10 s for TLS, 60 s for
	// the headers, no cookies, and no connection that outlives the run. A CheckRedirect of its own
	// is asked too, after HTTPWith's rules.
	Client *http.Client

	// Header is sent with every request. It must not have Range or If-Range.
	Header http.Header

	// Offset continues an earlier download: how many bytes of the file, from its beginning, are
	// there already. They are not emitted. Validator then says of which version of the file they
	// are.
	Offset int64

	// Validator is what an earlier download told OnAnswer. Offset needs one that is Resumable.
	Validator Validator

	// Prior opens the bytes that are there already, Offset or more of them, so that digests of the
	// whole file can be verified. Without it a server's Repr-Digest is ignored when Offset is
	// more than 0.
	Prior func() (io.ReadCloser, error)

	// Hash and Sum are a digest of the whole file that the caller knows: sha256.New, say, and the
	// bytes that it must give. With Offset they need Prior.
	Hash func() hash.Hash
	Sum  []byte

	// RequireLength refuses a body that only the end of the connection ends (neither Content-Length
	// nor chunked, as from an HTTP/1.0 server), with ErrNoLength: see HTTPWith.
	RequireLength bool

	// Limits are how long the server may take. Total is for the whole run of the source.
	Limits transfer.Limits

	// Retry is how often a request is sent. Its OnRetry is called by the source's goroutine, as
	// OnAnswer is.
	Retry transfer.Retry

	// OnAnswer is called with what the server says about the file, before the first byte is
	// emitted; again if the connection breaks before that, and then the file may be another version.
	OnAnswer func(Remote)
}

// HTTP emits the file behind an http or https URL. See [HTTPWith].
func HTTP(url string) pipeline.Source { return HTTPWith(url, HTTPOptions{}) }

// HTTPWith emits the file behind an http or https URL: what a GET answers with a success (RFC 9110 section 15.3). The node has
// the method and the URL as its name, without user, password and query; user and password are sent
// as basic authentication.
//
// It asks for the file without content coding, and promises its size where the answer has one. A server may
// send a coding all the same (section 12.5.3), and many do that label what they have as compressed: the body is emitted as it
// comes, and OnAnswer is told in Content-Encoding. A
// body that ends before its Content-Length, or without its last chunk, is broken. Broken
// connections, timeouts and the answers 408, 425, 429 and 5xx are retried, with exponential backoff
// and full jitter; a Retry-After is obeyed. A retry asks for what is missing, with Range and
// If-Range: with the strong ETag, or where there is no ETag, with a Last-Modified at least 60 s
// older than Date (RFC 9110 section 13.1.5). It takes only the 206 that continues the file, with
// its complete length and ETag; of a 200 with the same strong ETag it skips what was emitted; a 416
// may say that nothing is missing. Any other success is a [*ChangedError]. Without such a
// validator, only a download that has emitted nothing is retried. So there are never two versions
// of the file in one output.
//
//   - Emits: bytes as they come.
//   - Ends: when the file is complete and its digests are right: Hash and Sum, and the sha-256 and
//     sha-512 of Repr-Digest and Content-Digest (RFC 9530) in headers and trailers.
//   - Stops: by closing the connection. A read that waits is interrupted at once when the run ends.
//   - Holds: one chunk, and the few KiB that net/http buffers; for Prior, 256 KiB more while it is
//     read.
//   - Fails: with [*transfer.StatusError], [*ChangedError], [*transfer.DigestError],
//     [*transfer.NetworkError], [*transfer.TimeoutError] (only for Total), [ErrRedirect], [ErrNoLength].
//
// A body with neither length nor chunks ends with its connection and then counts as complete (RFC
// 9112 section 8), although a server that died may look the same; over TLS too, where crypto/tls
// does not tell. Where this matters, give a digest or set RequireLength.
//
// At most 10 redirects are followed, none from https to http, and to another host or port go only
// those of the caller's headers that are about content: Accept, Accept-Encoding, Accept-Language,
// Cache-Control and User-Agent. No Referer is sent but the caller's own.
func HTTPWith(url string, opts HTTPOptions) pipeline.Source {
	opts.Header = opts.Header.Clone() // what the caller does with them afterwards changes nothing
	opts.Sum = bytes.Clone(opts.Sum)
	u, err := httpclient.ParseURL(url)
	name := "http"
	if err == nil {
		name = "GET " + httpclient.PlainURL(u)
	}
	return pipeline.NewSource(name, func(ctx context.Context, out *pipeline.Outlet) error {
		if err := errors.Join(err, opts.check()); err != nil {
			return err
		}
		ctx, cancel := httpclient.TotalContext(ctx, opts.Limits.Total)
		defer cancel()
		d := newDownload(u, opts, out)
		defer d.close()
		return d.run(ctx)
	})
}

func (o *HTTPOptions) check() error {
	switch {
	case o.Offset < 0:
		return fmt.Errorf("offset %d: want 0 or more bytes", o.Offset)
	case o.Offset > 0 && !o.Validator.Resumable():
		return fmt.Errorf("offset %d: want a Validator with a strong ETag or a Last-Modified", o.Offset)
	case o.Offset > 0 && o.Validator.Size > 0 && o.Offset > o.Validator.Size:
		return fmt.Errorf("offset %d: want 0 to %d, the size of the file in bytes", o.Offset, o.Validator.Size)
	case (o.Hash == nil) != (len(o.Sum) == 0):
		return errors.New("a digest: want both Hash and Sum")
	case o.Hash != nil && o.Offset > 0 && o.Prior == nil:
		return fmt.Errorf("a digest with offset %d: want Prior, the bytes before it", o.Offset)
	}
	for key := range o.Header {
		if k := http.CanonicalHeaderKey(key); k == "Range" || k == "If-Range" {
			return fmt.Errorf("header %s: want none, the source sets it", k)
		}
	}
	return httpclient.CheckHeader(o.Header)
}

// newRequest returns the request for the whole file. Each attempt clones it.
func newRequest(u *url.URL, header http.Header) *http.Request {
	target := *u
	req := &http.Request{Method: http.MethodGet, URL: &target, Host: header.Get("Host"), Header: make(http.Header), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	for key, values := range header {
		if key := http.CanonicalHeaderKey(key); key != "Host" {
			req.Header[key] = append(req.Header[key], values...)
		}
	}
	if req.Header.Get("Accept-Encoding") == "" {
		req.Header.Set("Accept-Encoding", "identity")
	}
	// As a header, basic authentication survives a redirect within the host, and is in no error's
	// URL.
	if user := target.User; user != nil {
		if req.Header.Get("Authorization") == "" {
			password, _ := user.Password()
			req.SetBasicAuth(user.Username(), password)
		}
		target.User = nil
	}
	return req
}
