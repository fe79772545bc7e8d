package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/internal/retry"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
	"github.com/weirflow/weir/transfer"
	"github.com/weirflow/weir/tus"
)

// An Upload is a file to be uploaded, and how.
type Upload struct {
	Console   *cli.Console
	File      string     // a path, or "-" for standard input
	URL       string     // with a / at its end, the file's name is added
	SHA256    cli.SHA256 // of the file
	Retries   int        // in a row
	NoClobber bool       // leave a file that exists
	MayChange bool       // the file may change while it is read
	Limits    cli.Limits
}

// Run uploads. A server that speaks tus is asked how far an earlier run has come; a plain PUT begins at the first byte
// each time.
func (o *Upload) Run(ctx context.Context) error {
	u, err := o.plan()
	if err != nil {
		return err
	}
	ctx, cancel := o.Limits.Context(ctx)
	defer cancel()
	defer u.client.CloseIdleConnections()
	if err := u.negotiate(ctx); err != nil {
		return err
	}
	shown := text.RedactURL(u.target)
	if u.offset > 0 {
		o.Console.Note("%s: resuming at %s", shown, text.Size(u.offset))
	}
	t := &cli.Task{Console: o.Console, Words: []string{o.File, "!", shown}, Existing: cli.Existing{NoClobber: o.NoClobber}, Partial: u.kept}
	t.Start()
	report, err := u.attempts(ctx, t)
	switch err = t.End(report, err); {
	case err == nil:
		u.record.forget()
		o.Console.Note("%s: %s sent", text.RedactURL(u.place()), text.Size(cli.ProgressOf(report).Done))
	case errors.Is(err, cli.ErrSkipped):
		o.Console.Note("%s: exists already, skipped", shown)
	}
	return err
}

// An upload is an Upload on its way.
type upload struct {
	*Upload
	info   fs.FileInfo // nil: it cannot be read a second time
	target string      // the URL with the file's name
	client *http.Client

	answered bool // the server has
	tus      bool
	record   *uploadRecord // of a tus upload; nil: a later run cannot resume it
	location string        // the URL of the tus upload; "": none yet
	offset   int64         // bytes that an earlier run has sent
}

// plan checks the flags, the file and the URL.
func (o *Upload) plan() (*upload, error) {
	if err := checkRetries("put", o.Retries); err != nil {
		return nil, err
	}
	target, err := serverURL("put", o.URL)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(target.Path, "/") || target.Path == "" {
		if o.File == "-" {
			return nil, cli.Usage("put: standard input has no name to add to %s", text.RedactURL(o.URL))
		}
		target = target.JoinPath(url.PathEscape(filepath.Base(o.File)))
	}
	u := &upload{Upload: o, target: target.String(), client: newClient()}
	if o.File == "-" {
		return u, nil
	}
	info, err := cli.CheckSource(o.File)
	if err == nil && info.Mode().IsRegular() {
		u.info = info
	}
	return u, err
}

// newClient limits how long a connection and an answer take. A transfer itself may take any time.
func newClient() *http.Client {
	t := httpclient.NewTransport()
	t.ResponseHeaderTimeout = time.Minute
	t.ExpectContinueTimeout = time.Second
	return &http.Client{Transport: t}
}

// place is where the file is in the end: with tus the server decides.
func (u *upload) place() string {
	at, err := url.Parse(u.location)
	target, terr := url.Parse(u.target)
	if u.location == "" || err != nil || terr != nil || at.Host == target.Host && at.Path == target.Path {
		return u.target
	}
	return u.location
}

// negotiate finds out whether the server speaks tus, and how far an earlier run has come. A server that
// has no good answer to that may still accept a PUT.
func (u *upload) negotiate(ctx context.Context) error {
	server, err := tus.Support(ctx, u.URL, u.tusOptions(ctx))
	switch {
	case err == nil:
		u.answered = true
		u.tus = slices.Contains(server.Extensions, "creation") && (u.info != nil || slices.Contains(server.Extensions, "creation-defer-length"))
	case errors.Is(err, tus.ErrUnsupported):
		u.answered = true
	case isA[*transfer.NetworkError](err):
	case ctx.Err() != nil:
		return err
	default:
		return fmt.Errorf("%s: %w", text.RedactURL(u.target), err)
	}
	if !u.tus || u.info == nil {
		return nil
	}
	u.record = newUploadRecord(u.File, u.target)
	earlier := u.record.upload()
	if earlier == "" {
		return nil
	}
	offset, length, err := tus.Offset(ctx, u.withCredentials(earlier), u.tusOptions(ctx))
	switch status, refused := errors.AsType[*transfer.StatusError](err); {
	case err == nil && length == u.info.Size():
		u.location, u.offset = earlier, offset
		return nil
	case err == nil, refused && isGone(status.Status):
		u.Console.Note("%s: restarting: the server has not kept the partial upload", text.RedactURL(u.target))
		return nil
	}
	if ctx.Err() == nil {
		err = fmt.Errorf("%s: %w", text.RedactURL(u.target), err)
	}
	return &cli.Error{Code: cli.ExitCode(err), Err: err, Hint: u.resumeHint()}
}

// isGone reports whether a status says that there is no such upload (tus, HEAD), or that there may be none.
func isGone(status int) bool {
	return status == http.StatusNotFound || status == http.StatusGone || status == http.StatusForbidden
}

// withCredentials gives an upload's URL the user and the password of the target, on the same host.
func (u *upload) withCredentials(address string) string {
	at, err := url.Parse(address)
	target, terr := url.Parse(u.target)
	if err != nil || terr != nil || !httpclient.SameHost(target, at) {
		return address
	}
	at.User = target.User
	return at.String()
}

// attempts uploads until an attempt succeeds, or another one makes no sense. The sink itself resumes a tus upload; here
// one that the server has lost is restarted, and a plain PUT is repeated.
func (u *upload) attempts(ctx context.Context, t *cli.Task) (pipeline.Report, error) {
	retries, restarted := 0, false
	if !u.answered {
		retries = u.Retries // negotiate has used them up
	}
	for {
		pipe, err := u.flow(ctx, t)
		if err != nil {
			return pipeline.Report{}, err
		}
		report, err := t.Attempt(ctx, pipe)
		if err == nil || ctx.Err() != nil || u.info == nil {
			return report, err
		}
		status, refused := errors.AsType[*transfer.StatusError](err)
		broken, network := errors.AsType[*transfer.NetworkError](err)
		var after time.Duration
		switch {
		case u.tus:
			if restarted || network || u.location == "" || !refused || status.Status != http.StatusNotFound && status.Status != http.StatusGone {
				return report, err
			}
			u.record.forget()
			restarted, u.location, u.offset = true, "", 0
			shown := text.RedactURL(u.target)
			u.Console.Restart(shown, shown, 1, fmt.Errorf("the server has lost the upload: %w", status))
			continue
		case retries == u.Retries:
			return report, err
		case refused && retry.Transient(status.Status) && status.Status != http.StatusNotImplemented:
			err, after = status, httpfield.RetryAfter(status.Header)
		case network && !retry.Permanent(broken, u.answered):
			err = broken
		default:
			return report, err
		}
		retries++
		wait := retry.Delay(retries, after, transfer.Retry{}.WithDefaults().MaxWait)
		u.retrying(retries, wait, err)
		_ = retry.Sleep(ctx, wait) // the next attempt fails with what has ended it
	}
}

// flow is the flow of one attempt.
func (u *upload) flow(ctx context.Context, t *cli.Task) (*pipeline.Pipeline, error) {
	src := sources.StdinWith(sources.StdinOptions{MayChange: u.MayChange})
	switch check := u.tus && u.SHA256 != nil; {
	case check: // all of it, also what the server has
		if u.File != "-" {
			src = sources.FileWith(u.File, sources.FileOptions{MayChange: u.MayChange})
		}
		src = src.Via(u.checkDigest()).Via(stages.Skip(u.offset))
	case u.File != "-":
		src = sources.FileWith(u.File, sources.FileOptions{Offset: u.offset, MayChange: u.MayChange})
	}
	if s := u.Limits.Stage(); !s.IsZero() {
		src = src.Via(s)
	}
	if u.tus {
		opts := u.tusOptions(ctx)
		opts.Keep = u.record != nil
		opts.Offset, opts.OnCreate = u.offset, u.created
		if u.location != "" {
			opts.Resume = u.withCredentials(u.location)
		}
		if u.File != "-" {
			opts.Metadata = map[string]string{"filename": filepath.Base(u.File)}
		}
		return src.To(tus.UploadWith(u.URL, opts)), nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, u.target, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", cli.UserAgent)
	if u.NoClobber {
		req.Header.Set("If-None-Match", "*")
	}
	return src.To(sinks.HTTPWith(u.client, req, sinks.HTTPOptions{Digest: "sha-256", Sum: u.SHA256})), nil
}

// checkDigest is a stage that passes a stream on and fails at its end if the digest is another one.
func (u *upload) checkDigest() pipeline.Stage {
	return stages.Hash(sha256.New, func(sum []byte) error {
		if !bytes.Equal(sum, u.SHA256) {
			return &transfer.DigestError{Algorithm: "sha-256", Want: u.SHA256, Got: sum}
		}
		return nil
	})
}

// tusOptions are those of every request of tus.
func (u *upload) tusOptions(ctx context.Context) tus.Options {
	opts := tus.Options{Client: u.client, Context: ctx, Header: http.Header{"User-Agent": {cli.UserAgent}}, Retry: transfer.Retry{Attempts: u.Retries + 1, OnRetry: u.retrying}}
	if u.NoClobber {
		opts.Client = &http.Client{Transport: createOnly{u.client.Transport}}
	}
	return opts
}

func (u *upload) retrying(attempt int, wait time.Duration, cause error) {
	u.Console.Retry(text.RedactURL(u.target), attempt, wait, cause)
}

// createOnly makes a new tus upload on the condition that there is no file. On the other requests it
// would be about the upload.
type createOnly struct{ http.RoundTripper }

func (c createOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		r = r.Clone(r.Context())
		r.Header.Set("If-None-Match", "*")
	}
	return c.RoundTripper.RoundTrip(r)
}

// created records where the upload is.
func (u *upload) created(address string) {
	u.location = address
	if u.record != nil && u.record.save(address) != nil {
		u.record = nil
	}
}

// kept says what is left of an upload that has failed with err, and how to resume.
func (u *upload) kept(err error) string {
	status, refused := errors.AsType[*transfer.StatusError](err)
	broken, network := errors.AsType[*transfer.NetworkError](err)
	switch {
	case !u.tus && u.info == nil && (network || refused && retry.Transient(status.Status)):
		return "nothing is kept, and the input cannot be read again: the server does not resume uploads"
	case u.record == nil || u.location == "":
		return ""
	case isA[*transfer.DigestError](err), isA[*sources.ModifiedError](err), refused && !network && status.Status != http.StatusUnauthorized && status.Status != http.StatusForbidden:
		u.record.forget() // resuming would end in the same way
		return ""
	case network:
		return fmt.Sprintf("%s of %s kept at the server; %s", text.Size(broken.Offset), text.Size(u.info.Size()), u.resumeHint())
	}
	return "partial upload kept; " + u.resumeHint()
}

func (u *upload) resumeHint() string { return resumeHint(u.target, cli.CommandLine(os.Args[1:])) }
