package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/internal/retry"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
	wire "github.com/weirflow/weir/transfer"
	"github.com/weirflow/weir/tus"
)

// put uploads a file, and tells of it as of any flow.
func (a *app) put(ctx context.Context, u *upload) error {
	ctx, cancel := a.limits(ctx)
	defer cancel()
	u.build = a.newBuild(ctx)
	if err := u.ask(); err != nil {
		u.build.close()
		return err
	}
	if u.offset > 0 {
		a.note("pipe-demo: %s: goes on behind the %s that an earlier run has sent", text.Printable(text.RedactURL(u.target)), text.Size(u.offset))
	}
	pipe, err := u.pipeline()
	if err != nil {
		u.build.close()
		return err
	}
	report, err := a.runReport(ctx, &transfer{words: []string{u.file, "!", text.RedactURL(u.target)}, pipe: pipe, build: u.build, again: u.again, kept: u.kept})
	if err == nil {
		u.record.forget()
		a.note("pipe-demo: %s: %s sent", text.Printable(text.RedactURL(u.place())), text.Size(progressOf(report).Done))
	}
	if errors.Is(err, errSkipped) {
		a.note("pipe-demo: %s: exists already, skipped", text.Printable(text.RedactURL(u.target)))
	}
	return err
}

// place is where the file is in the end: tus leaves it to the server.
func (u *upload) place() string {
	at, err := url.Parse(u.url)
	target, terr := url.Parse(u.target)
	if u.url == "" || err != nil || terr != nil || at.Host == target.Host && at.Path == target.Path {
		return u.target
	}
	return u.url
}

// ask finds out whether the server speaks tus, and how far an earlier run has come. A server that
// has no good answer to that may still take a PUT.
func (u *upload) ask() error {
	server, err := tus.Support(u.build.ctx, u.endpoint, u.tusOptions())
	switch {
	case err == nil:
		u.answered = true
		u.tus = slices.Contains(server.Extensions, "creation") && (u.info != nil || slices.Contains(server.Extensions, "creation-defer-length"))
	case errors.Is(err, tus.ErrUnsupported):
		u.answered = true
	case isA[*wire.NetworkError](err):
		u.retries = u.opts.retries
	case u.build.ctx.Err() != nil:
		return err
	default:
		return fmt.Errorf("%s: %w", text.RedactURL(u.target), err)
	}
	if !u.tus || u.info == nil {
		return nil
	}
	u.record = newUploadRecord(u.file, u.info, u.target)
	earlier := u.record.upload()
	if earlier == "" {
		return nil
	}
	offset, length, err := tus.Offset(u.build.ctx, u.asUser(earlier), u.tusOptions())
	switch status, refused := errors.AsType[*wire.StatusError](err); {
	case err == nil && length == u.info.Size():
		u.url, u.offset = earlier, offset
		return nil
	case err == nil, refused && isGone(status.Status):
		u.app.note("pipe-demo: %s: begins anew: the server has not kept what an earlier run has sent", text.Printable(text.RedactURL(u.target)))
		return nil
	}
	if u.build.ctx.Err() == nil {
		err = fmt.Errorf("%s: %w", text.RedactURL(u.target), err)
	}
	return &exitError{code: exitCode(err), err: err, hint: u.goOn()}
}

// isGone says that there is no such upload (tus, HEAD), or that there may be none.
func isGone(status int) bool {
	return status == http.StatusNotFound || status == http.StatusGone || status == http.StatusForbidden
}

// asUser gives an upload's URL the user and the password of the target, on the same host.
func (u *upload) asUser(address string) string {
	at, err := url.Parse(address)
	target, terr := url.Parse(u.target)
	if err != nil || terr != nil || !httpclient.SameHost(target, at) {
		return address
	}
	at.User = target.User
	return at.String()
}

// pipeline is the flow of one attempt.
func (u *upload) pipeline() (*pipeline.Pipeline, error) {
	b := u.build
	b.labels = []string{u.file}
	src := sources.Stdin()
	switch check := u.tus && u.opts.sum.sum != nil; {
	case check: // all of it, also what the server has
		if u.file != "-" {
			src = sources.File(u.file)
		}
		src = src.Via(u.opts.sum.check()).Via(stages.Skip(u.offset))
		b.labels = append(b.labels, "digest", "skip")
	case u.file != "-":
		src = sources.FileWith(u.file, sources.FileOptions{Offset: u.offset})
	}
	if b.limitRate > 0 {
		src = src.Via(b.limit())
		b.labels = append(b.labels, "limit")
	}
	b.labels = append(b.labels, text.RedactURL(u.target))
	if u.tus {
		opts := u.tusOptions()
		opts.Keep = u.record != nil
		opts.Offset, opts.OnCreate = u.offset, u.created
		if u.url != "" {
			opts.Resume = u.asUser(u.url)
		}
		if name := filepath.Base(u.file); u.file != "-" {
			opts.Metadata = map[string]string{"filename": name}
		}
		return src.To(tus.UploadWith(u.endpoint, opts)), nil
	}
	req, err := http.NewRequestWithContext(b.ctx, http.MethodPut, u.target, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", userAgent)
	if u.opts.createOnly {
		req.Header.Set("If-None-Match", "*")
	}
	return src.To(sinks.HTTPWith(b.http(), req, sinks.HTTPOptions{Digest: "sha-256", Sum: u.opts.sum.sum})), nil
}

// check is a stage that passes a stream on and fails at its end if the digest is another one.
func (d *digestSum) check() pipeline.Stage {
	return pipeline.NewStage("digest", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		h := sha256.New()
		err := passOn(ctx, in, out, func(c pipeline.Chunk) error {
			h.Write(c.Bytes())
			return out.Send(ctx, c)
		})
		if got := h.Sum(nil); err == nil && !bytes.Equal(got, d.sum) {
			err = &wire.DigestError{Algorithm: "sha-256", Want: d.sum, Got: got}
		}
		return err
	})
}

// tusOptions are those of all that is asked of the server.
func (u *upload) tusOptions() tus.Options {
	opts := tus.Options{Client: u.build.http(), Context: u.build.ctx, Header: http.Header{"User-Agent": {userAgent}}, Retry: wire.Retry{Attempts: u.opts.retries + 1, OnRetry: u.retrying}}
	if u.opts.createOnly {
		opts.Client = &http.Client{Transport: createOnly{opts.Client.Transport}}
	}
	return opts
}

func (u *upload) retrying(attempt int, wait time.Duration, cause error) {
	u.app.retrying(text.RedactURL(u.target), attempt, wait, cause)
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

// created remembers where the upload is.
func (u *upload) created(address string) {
	u.url = address
	if u.record == nil {
		return
	}
	if err := u.record.save(address); err != nil {
		u.record = nil
	}
}

// again decides after a failure whether another attempt makes sense, and gives its flow.
func (u *upload) again(err error) *pipeline.Pipeline {
	u.failed = err
	switch {
	case u.build.ctx.Err() != nil || u.info == nil:
		return nil
	case u.tus:
		return u.begin(err)
	}
	status, refused := errors.AsType[*wire.StatusError](err)
	broken, network := errors.AsType[*wire.NetworkError](err)
	var after time.Duration
	switch {
	case u.retries == u.opts.retries:
		return nil
	case refused && retry.Transient(status.Status) && status.Status != http.StatusNotImplemented:
		err, after = status, httpfield.RetryAfter(status.Header)
	case network && !retry.Permanent(broken, u.answered):
		err = broken
	default:
		return nil
	}
	next, failed := u.pipeline()
	if failed != nil {
		return nil
	}
	u.retries++
	wait := retry.Delay(u.retries, after, wire.Retry{}.WithDefaults().MaxWait)
	u.retrying(u.retries, wait, err)
	_ = retry.Sleep(u.build.ctx, wait) // the next attempt fails with what has ended it
	return next
}

// begin begins a tus upload anew that the server has lost.
func (u *upload) begin(err error) *pipeline.Pipeline {
	status, refused := errors.AsType[*wire.StatusError](err)
	if !refused || isA[*wire.NetworkError](err) || u.url == "" || u.anew || status.Status != http.StatusNotFound && status.Status != http.StatusGone {
		return nil
	}
	u.record.forget()
	u.anew, u.url, u.offset = true, "", 0
	next, failed := u.pipeline()
	if failed != nil {
		return nil
	}
	u.app.event("retry", map[string]any{"attempt": 1, "wait_seconds": 0, "error": message(status), "source": text.RedactURL(u.target), "offset": 0})
	u.app.note("%spipe-demo: %s: begins anew: the server has lost the upload: %s", u.app.clear(), text.Printable(text.RedactURL(u.target)), text.Printable(message(status)))
	return next
}

// kept says what a failed run has left, and how to go on.
func (u *upload) kept() string {
	status, refused := errors.AsType[*wire.StatusError](u.failed)
	broken, network := errors.AsType[*wire.NetworkError](u.failed)
	switch {
	case !u.tus && u.info == nil && (network || refused && retry.Transient(status.Status)):
		return "nothing is kept, and what was read cannot be read again: the server does not resume uploads"
	case u.record == nil || u.url == "":
		return ""
	case isA[*wire.DigestError](u.failed), refused && !network && status.Status != http.StatusUnauthorized && status.Status != http.StatusForbidden:
		u.record.forget() // to go on would end in the same way
		return ""
	}
	what := "what came is kept at the server"
	if network {
		what = fmt.Sprintf("%s of %s are kept at the server", text.Size(broken.Offset), text.Size(u.info.Size()))
	}
	return what + "; " + u.goOn()
}

func (u *upload) goOn() string {
	command := again()
	if at, err := url.Parse(u.target); err == nil && (at.User != nil || at.RawQuery != "") {
		command = "run the same command again" // what it has in its URL may be secret
	}
	return "to go on: " + command
}
