package tus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/transfer"
)

// ErrUnsupported is a server that does not speak tus 1.0.
var ErrUnsupported = errors.New("the server does not speak tus 1.0")

// Options are the settings of [UploadWith].
type Options struct {
	// Client sends the requests. Its Timeout, if it has one, breaks off each request, which is then
	// retried; its CheckRedirect is not asked. nil means a client for each run: proxies from the
	// environment, 30 s to connect, 10 s for TLS, no cookies, and no connection that outlives the run.
	Client *http.Client

	// Header is sent with every request to the host of the endpoint and of Resume. An upload that
	// the server creates on another host gets only its User-Agent.
	Header http.Header

	// Metadata is sent with a new upload: "filename" and "filetype" are what servers
	// understand. A key is ASCII without spaces and commas; a value is any bytes.
	Metadata map[string]string

	// Server is what Support has returned for the endpoint. nil means that the server is asked.
	Server *Server

	// Resume is the URL of an upload that an earlier run has created, to be continued: see OnCreate
	// and the function Offset. Nothing is created then.
	Resume string

	// Offset is the position in the upload of the first byte of the stream, with Resume. What the
	// server has of it already is not sent; more than that it must have.
	Offset int64

	// Keep leaves the upload of a failed run on the server, to be resumed. Otherwise it is removed
	// (with the termination extension). With Resume it is always left.
	Keep bool

	// Context is that of the requests, as in an [http.Request], besides the run's. The run's ends a
	// request of the last step only after [pipeline.Pipeline.Grace]: give the context of the run here
	// as well to have its end break off the wait for the last answer at once. nil means that only that
	// and the limits do.
	Context context.Context

	// Limits are how long the server may take. Total is for the whole run of the sink, its last step
	// included.
	Limits transfer.Limits

	// Retry is how often something is tried.
	Retry transfer.Retry

	// OnCreate is called with the URL of a new upload, before the first byte is sent to it. Calls of
	// it and of Retry.OnRetry are sequential within a run.
	OnCreate func(url string)
}

// Upload uploads the stream to a server that speaks tus. See [UploadWith].
func Upload(endpoint string) pipeline.Sink { return UploadWith(endpoint, Options{}) }

// UploadWith uploads the stream with the resumable protocol tus 1.0 (tus.io/protocols). The endpoint is
// the URL where uploads are created. The node has it as its name, without user, password and query;
// user and password are sent as basic authentication.
//
// The upload is created after the first chunk, with its length when upstream knows its size, else
// with a deferred length (the extension creation-defer-length). The bytes go in PATCH requests of at
// most 8 MiB, with an Upload-Checksum where the server verifies it. Each is held until the server
// has it: broken connections, limits, and the answers 408, 409, 423, 425, 429, 460 and 5xx are
// retried with exponential backoff and full jitter, a Retry-After is obeyed, and the server is asked
// first how much it has. So a server may be restarted in the middle.
//
// The request that completes the upload is sent only in the last step, when every node of the run
// has succeeded; until then the last 16 KiB are kept back. An empty stream is created there. So the
// upload of a run that failed is not complete, except with Keep where only the answer to that request
// got lost; it is removed, or left to be resumed with Keep.
//
//   - Ends: in the last step, when the server has everything.
//   - Holds: the segment that the server has not acknowledged, at most 8 MiB and a quarter.
//   - Fails: with [*transfer.StatusError], [*transfer.NetworkError], [*transfer.TimeoutError] (only for Total; the other limits
//     are the cause of a transfer.NetworkError), [ErrUnsupported].
//
// A cancelled run ends a request that is under way at once; only that which creates the upload gets
// one second to bring its URL, without which nothing could be removed.
//
// The server is asked once, for at most ten seconds, what it supports; one that does not say gets the upload without
// checksums. A request that is answered with 307 or 308 is repeated where that leads to: at most 10 times, not from https
// to http, and to another host without the caller's header and passwords. Other redirects are errors.
func UploadWith(endpoint string, opts Options) pipeline.Sink {
	opts.Header = opts.Header.Clone() // what the caller does with them afterwards changes nothing
	opts.Metadata = maps.Clone(opts.Metadata)
	u, err := httpclient.ParseURL(endpoint)
	name := "tus"
	if err == nil {
		name = "tus " + httpclient.PlainURL(u)
	}
	return pipeline.NewSink(name, func(ctx context.Context, in *pipeline.Inlet) error {
		resume, rerr := opts.resume()
		if err := errors.Join(err, rerr, opts.check()); err != nil {
			return err
		}
		up := newUpload(u, resume, opts)
		in.AtEnd(up.finish)
		ctx, cancel := up.c.limited(ctx)
		defer cancel()
		return up.receive(ctx, in)
	})
}

// resume returns the URL of Resume, or nil.
func (o *Options) resume() (*url.URL, error) {
	if o.Resume == "" {
		return nil, nil
	}
	u, err := httpclient.ParseURL(o.Resume)
	if err != nil {
		return nil, fmt.Errorf("resume: %w", err)
	}
	return u, nil
}

func (o *Options) check() error {
	switch {
	case o.Offset < 0:
		return fmt.Errorf("offset %d: want 0 or more bytes", o.Offset)
	case o.Offset > 0 && o.Resume == "":
		return fmt.Errorf("offset %d: want Resume, the URL of the upload", o.Offset)
	}
	for key := range o.Metadata {
		if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' }) {
			return fmt.Errorf("metadata key %q: want ASCII without spaces and commas", key)
		}
	}
	return httpclient.CheckHeader(o.Header)
}

// Server is what a server supports.
type Server struct {
	Extensions []string // creation, creation-defer-length, termination, checksum, ...
	Checksums  []string // algorithms of the extension checksum: sha1, sha256, ...
	MaxSize    int64    // of an upload, in bytes; 0: unknown
}

// Support asks the server behind the URL of an endpoint what it supports of tus 1.0, once and for at most ten seconds. The
// error is ErrUnsupported if the server answers and does not speak it, and a [*transfer.NetworkError] if it does not answer,
// or with 408, 409, 423, 425, 429, 460 or 5xx. Of the options, those about requests and limits apply.
func Support(ctx context.Context, endpoint string, opts Options) (Server, error) {
	c, u, err := ask(endpoint, &opts)
	if err != nil {
		return Server{}, err
	}
	defer c.release()
	ctx, cancel := c.limited(ctx)
	defer cancel()
	return c.support(ctx, u)
}

// Offset asks for an upload: how many bytes of it the server has, and how long it will be; the
// length is -1 while the server does not know it. An upload that does not exist is a
// [*transfer.StatusError]. Of the options, those about requests, limits and retries apply.
func Offset(ctx context.Context, upload string, opts Options) (offset, length int64, err error) {
	c, u, err := ask(upload, &opts)
	if err != nil {
		return 0, -1, err
	}
	defer c.release()
	ctx, cancel := c.limited(ctx)
	defer cancel()
	s, err := c.state(ctx, u)
	return s.offset, s.length, err
}

func ask(address string, opts *Options) (*client, *url.URL, error) {
	u, err := httpclient.ParseURL(address)
	if err := errors.Join(err, opts.check()); err != nil {
		return nil, nil, err
	}
	return newClient(opts, u), u, nil
}
