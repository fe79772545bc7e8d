package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/httpclient"
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

	Timeout       cli.Duration // how long the server may make no progress; 0: the default
	AnswerTimeout cli.Duration // how long its answer may take, once it has everything; 0: the default
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
	t := &cli.Task{Console: o.Console, Words: []string{o.File, "!", shown}, Partial: u.kept}
	t.Start()
	upload := u.plain
	if u.tus {
		upload = u.resumable
	}
	report, err := upload(ctx, t)
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

	retry    *retry.Counter
	answered bool // the server has

	tus      bool
	server   *tus.Server   // what it supports; nil: it has not said
	record   *uploadRecord // of a tus upload; nil: a later run cannot resume it
	location string        // the URL of the tus upload; "": none yet
	offset   int64         // bytes that an earlier run has sent

	put      put
	noExpect bool  // the server has refused an Expect
	lost     error // with -n: of an attempt that may have stored the file
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
	if path := target.EscapedPath(); path == "" || strings.HasSuffix(path, "/") {
		if o.File == "-" {
			return nil, cli.Usage("put: standard input has no name to add to %s", text.RedactURL(o.URL))
		}
		addName(target, filepath.Base(o.File))
	}
	u := &upload{Upload: o, target: target.String(), client: &http.Client{Transport: httpclient.NewUploadTransport()}}
	u.retry = retry.New(transfer.Retry{Attempts: o.Retries + 1, OnRetry: u.retrying})
	if err := u.restart(); err != nil {
		return nil, err
	}
	if o.File == "-" {
		return u, nil
	}
	info, err := cli.CheckSource(o.File)
	if err == nil && info.Mode().IsRegular() {
		u.info = info
	}
	return u, err
}

// addName adds a name to the path of a URL, which keeps each slash that it has.
func addName(u *url.URL, name string) {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	u.RawPath = path + url.PathEscape(name)
	u.Path, _ = url.PathUnescape(u.RawPath) // which package url has escaped
}

// limits are those of a request.
func (o *Upload) limits() transfer.Limits {
	return transfer.Limits{Idle: time.Duration(o.Timeout), Answer: time.Duration(o.AnswerTimeout)}
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

// attempt runs the flow once.
func (u *upload) attempt(ctx context.Context, t *cli.Task) (pipeline.Report, error) {
	src := sources.StdinWith(sources.StdinOptions{MayChange: u.MayChange})
	switch check := u.tus && u.SHA256 != nil; {
	case check: // all of it, also what the server has
		if u.File != "-" {
			src = sources.FileWith(u.File, sources.FileOptions{MayChange: u.MayChange})
		}
		src = src.Via(checkDigest(u.SHA256)).Via(stages.Skip(u.offset))
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
		return t.Attempt(ctx, src.To(tus.UploadWith(u.URL, opts)))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, u.put.at.String(), nil)
	if err != nil {
		return pipeline.Report{}, httpclient.WithoutURL(err)
	}
	req.Header.Set("User-Agent", cli.UserAgent)
	if u.NoClobber {
		req.Header.Set("If-None-Match", "*")
	}
	if u.noExpect {
		req.Header["Expect"] = nil
	}
	opts := sinks.HTTPOptions{Digest: "sha-256", Sum: u.SHA256, Limits: u.limits()}
	opts.OnAnswer = func(status int, _ http.Header) { u.put.status = status }
	return t.Attempt(ctx, src.To(sinks.HTTPWith(u.client, req, opts)))
}

// kept says what is left of an upload that has failed with err, and how to resume.
func (u *upload) kept(err error) string {
	status, refused := errors.AsType[*transfer.StatusError](err)
	broken, network := errors.AsType[*transfer.NetworkError](err)
	switch {
	case errors.Is(err, cli.ErrSkipped):
		return ""
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
