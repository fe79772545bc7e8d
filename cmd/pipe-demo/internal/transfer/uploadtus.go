package transfer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/retry"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/transfer"
	"github.com/weirflow/weir/tus"
)

// negotiate finds out whether the server speaks tus, and how far an earlier run has come. A server that has no good answer to
// that may still accept a PUT; only one that cannot be reached is an error.
func (u *upload) negotiate(ctx context.Context) error {
	server, err := tus.Support(ctx, u.URL, u.tusOptions(ctx))
	for isA[*transfer.NetworkError](err) && isUnreachable(err) {
		if err = u.again(ctx, err); err != nil {
			return u.prefixed(err)
		}
		server, err = tus.Support(ctx, u.URL, u.tusOptions(ctx))
	}
	u.retry.Progress()
	switch {
	case err == nil:
		u.server = &server
		u.answered = true
		u.tus = slices.Contains(server.Extensions, "creation") && (u.info != nil || slices.Contains(server.Extensions, "creation-defer-length"))
	case errors.Is(err, tus.ErrUnsupported):
		u.answered = true
	case ctx.Err() != nil:
		return err
	case !isA[*transfer.NetworkError](err):
		return u.prefixed(err)
	}
	if u.info == nil || u.answered && !u.tus {
		return nil
	}
	u.record = newUploadRecord(u.File, u.target)
	earlier := u.record.upload()
	if earlier == "" {
		return nil
	}
	u.tus = true // it has been
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
		err = u.prefixed(err)
	}
	return &cli.Error{Code: cli.ExitCode(err), Err: err, Hint: u.resumeHint()}
}

// isUnreachable reports whether a request failed before it was sent, or will fail again.
func isUnreachable(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "dial" || op.Op == "proxyconnect") || retry.Permanent(err, false)
}

// prefixed says what an error outside of a flow is about.
func (u *upload) prefixed(err error) error {
	return fmt.Errorf("%s: %w", text.RedactURL(u.target), err)
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

// resumable uploads with tus. The sink itself resumes; here an upload that the server has lost is restarted.
func (u *upload) resumable(ctx context.Context, t *cli.Task) (pipeline.Report, error) {
	if u.NoClobber && (u.location == "" || u.offset < u.info.Size()) {
		if err := u.checkMissing(ctx); err != nil {
			return pipeline.Report{}, err
		}
	}
	for restarted := false; ; restarted = true {
		report, err := u.attempt(ctx, t)
		status, refused := errors.AsType[*transfer.StatusError](err)
		switch {
		case err == nil || ctx.Err() != nil || !refused || isA[*transfer.NetworkError](err):
			return report, err
		case u.NoClobber && status.Status == http.StatusPreconditionFailed && status.Method == http.MethodPost:
			return report, cli.ErrSkipped
		case restarted || u.location == "" || u.info == nil || status.Status != http.StatusNotFound && status.Status != http.StatusGone:
			return report, err
		}
		u.record.forget()
		u.location, u.offset = "", 0
		shown := text.RedactURL(u.target)
		u.Console.Restart(shown, shown, 1, fmt.Errorf("the server has lost the upload: %w", status))
	}
}

// checkMissing fails if the file exists, or if nothing says that it does not.
func (u *upload) checkMissing(ctx context.Context) error {
	for {
		found, err := u.exists(ctx)
		switch {
		case found:
			return cli.ErrSkipped
		case err == nil:
			u.put.method = http.MethodPut
			u.retry.Progress()
			return nil
		}
		if err = u.again(ctx, err); err != nil {
			return err
		}
	}
}

// tusOptions are those of every request of tus.
func (u *upload) tusOptions(ctx context.Context) tus.Options {
	opts := tus.Options{Client: u.client, Context: ctx, Header: http.Header{"User-Agent": {cli.UserAgent}}, Server: u.server, Limits: u.limits(), Retry: transfer.Retry{Attempts: u.Retries + 1, OnRetry: u.retrying}}
	if u.NoClobber {
		opts.Client = &http.Client{Transport: createOnly{u.client.Transport}}
	}
	return opts
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
