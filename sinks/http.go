package sinks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/transfer"
)

// HTTPOptions are the settings of [HTTPWith].
type HTTPOptions struct {
	// Digest is "sha-256" or "sha-512": the stream's digest is sent as Repr-Digest (RFC 9530), and
	// that of the answer must be the same. It goes into the header with Sum or if the stream is
	// empty, else into the trailer. HTTP/1.1 has no trailer with a Content-Length: then it is only
	// compared. Default: "", none.
	Digest string

	// Sum is the digest of the whole stream, where the caller knows it. A stream that has another
	// one fails with a [*transfer.DigestError] before its end is released.
	Sum []byte

	// Limits are how long the server may take. Total is for the whole run of the sink, its last step
	// included.
	Limits transfer.Limits

	// OnAnswer is called with the answer that accepts the whole stream, in the sink's last step.
	OnAnswer func(status int, header http.Header)
}

// HTTP uploads the stream. See [HTTPWith].
func HTTP(client *http.Client, req *http.Request) pipeline.Sink {
	return HTTPWith(client, req, HTTPOptions{})
}

// HTTPWith returns a sink that uploads the stream: each run sends a copy of req, a PUT, POST or
// PATCH without a body of its own, with the stream as body. A nil client is [http.DefaultClient].
// The node has the request's method and URL as its name, without user, password and query.
//
// The request starts after the first chunk. It has a Content-Length when upstream knows its size, or
// else when req has a ContentLength, which the stream must then keep; otherwise it is chunked. The
// end of the body is released only in the last step, when every node of the run has succeeded: the
// terminating chunk (on HTTP/2 the end of the stream), or the bytes that complete the length, at
// most 16 KiB. An empty stream sends the whole request there. So a failure anywhere in the run, a
// cancellation, a stream longer or shorter than promised breaks the request off, and the server sees
// a broken body, never a short one. The last step then waits for the answer, and for the transport
// to let go of the body, which every http.RoundTripper must close.
//
// An answer other than 2xx fails the run with a [*transfer.StatusError], at once also when it comes before
// the end of the body. So does a 2xx that comes before: the server cannot have stored what it has
// not got. The stream cannot be sent twice, so no redirect is followed and nothing is retried: a caller that can
// start the source again runs the whole flow again. It does so after a [*transfer.NetworkError] and after a
// transfer.StatusError of 408, 425, 429 or 5xx, and with the Location in the header of a transfer.StatusError of 307 or
// 308 as the URL. It must not send credentials to another host. The other redirects ask for a GET, and upload nothing.
//
// Not to replace a file, set If-None-Match to * in req's header (RFC 9110 section 13.1.2): the answer is 412 then. A server
// that does not know the condition replaces the file, and answers 200 or 204, not 201 (section 9.3.4): OnAnswer has the
// status.
//
// With a known size of more than 1 MiB the request asks with "Expect: 100-continue" first (RFC 9110
// section 10.1.1), if the client's transport is an [*http.Transport]. It waits for its
// ExpectContinueTimeout, or where that is 0 for one second. If the server answers 417 before any of the body was sent, the
// request is repeated without asking. A request whose header has an Expect, if only as a key without a value, stays as it is.
//
// What may not be in a request line is percent-encoded in the URL's query.
//
//   - Ends: in the last step, with the answer.
//   - Holds: a chunk, and the last 16 KiB of a stream of known size.
//   - Fails: with [*transfer.StatusError], [*transfer.NetworkError], [*transfer.DigestError], [*transfer.TimeoutError] (only for Total;
//     the other limits are the cause of a transfer.NetworkError).
//
// A cancelled run breaks the request off, but once every node has returned, the wait for the answer ends only with
// the context of the last steps ([pipeline.Pipeline.Grace]), the request's own context, Answer, Total and the client's limits: make the request with
// the context of the run to have that end the wait at once.
func HTTPWith(client *http.Client, req *http.Request, opts HTTPOptions) pipeline.Sink {
	if client == nil {
		client = http.DefaultClient
	}
	if req != nil {
		req = req.Clone(req.Context()) // what the caller does with them afterwards changes nothing
	}
	opts.Sum = bytes.Clone(opts.Sum)
	name := requestName(req)
	return pipeline.NewSink(name, func(ctx context.Context, in *pipeline.Inlet) error {
		if err := errors.Join(checkUpload(req), opts.check()); err != nil {
			return err
		}
		ctx, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		u := newUpload(name, client, req, opts, stop)
		in.AtEnd(u.finish)
		defer func() { // also on a panic: the server should not wait for the rest of the run to end
			if !u.ended {
				u.abort(errStoppedEarly)
			}
		}()
		return u.send(ctx, in)
	})
}

func requestName(req *http.Request) string {
	if req == nil || req.URL == nil {
		return "http"
	}
	return strings.TrimSpace(req.Method + " " + httpclient.PlainURL(req.URL))
}

func checkUpload(req *http.Request) error {
	switch {
	case req == nil:
		return errors.New("no http.Request")
	case req.URL == nil:
		return errors.New("the request has no URL")
	case req.Body != nil && req.Body != http.NoBody:
		return errors.New("the request has a body of its own")
	}
	switch req.Method {
	case http.MethodPut, http.MethodPost, http.MethodPatch:
		return nil
	}
	return fmt.Errorf("method %q: want PUT, POST or PATCH", req.Method)
}

func (o *HTTPOptions) check() error {
	algorithm := httpfield.DigestAlgorithms[o.Digest]
	switch {
	case o.Digest != "" && algorithm == nil:
		return fmt.Errorf("digest %q: want sha-256 or sha-512", o.Digest)
	case len(o.Sum) > 0 && algorithm == nil:
		return errors.New("a digest: want Digest, not only Sum")
	case len(o.Sum) > 0 && len(o.Sum) != algorithm().Size():
		return fmt.Errorf("a %s of %d bytes: want %d", o.Digest, len(o.Sum), algorithm().Size())
	}
	return nil
}
