package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/internal/probe"
	"github.com/weirflow/weir/internal/retry"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/transfer"
	"github.com/weirflow/weir/tus"
)

// A put is one PUT, which redirects may take from place to place.
type put struct {
	method    string   // of the request under way: PUT, or HEAD for the questions before it
	at        *url.URL // where it goes
	redirects int      // followed so far
	foreign   bool     // another host is or was involved
	status    int      // of the answer that accepts the file
}

// plain uploads with PUT, until an attempt succeeds or another one makes no sense.
func (u *upload) plain(ctx context.Context, t *cli.Task) (pipeline.Report, error) {
	for {
		if err := u.restart(); err != nil {
			return pipeline.Report{}, err
		}
		report, sent, err := u.deliver(ctx, t)
		if err == nil || ctx.Err() != nil || sent && u.info == nil {
			return report, err
		}
		if sent && u.NoClobber && u.mayBeStored(err) {
			u.lost = err
		}
		if err = u.again(ctx, err); err != nil {
			return report, err
		}
	}
}

// restart makes the next request one to the URL that the user gave.
func (u *upload) restart() error {
	at, err := url.Parse(u.target)
	if err != nil {
		return err
	}
	u.put = put{method: http.MethodPut, at: at}
	return nil
}

// deliver sends the file to where it is redirected. It reports whether the input has been read.
func (u *upload) deliver(ctx context.Context, t *cli.Task) (report pipeline.Report, sent bool, err error) {
	for {
		if u.NoClobber {
			switch found, err := u.exists(ctx); {
			case found:
				return report, sent, u.found()
			case err != nil && u.put.redirects == 0: // else the first server has answered
				return report, sent, err
			}
		}
		// The server may be about to close the connection of an earlier request, and a body that has been begun cannot be
		// sent over another one.
		u.client.CloseIdleConnections()
		u.put.method = http.MethodPut
		report, err = u.attempt(ctx, t)
		sent = true
		if err == nil {
			return report, sent, u.replaced()
		}
		answer, refused := errors.AsType[*transfer.StatusError](err)
		if ctx.Err() != nil || !refused || isA[*transfer.NetworkError](err) {
			return report, sent, err
		}
		switch {
		case answer.Status == http.StatusExpectationFailed && !u.noExpect && u.info != nil:
			u.noExpect = true // RFC 9110 section 10.1.1
		case answer.Status == http.StatusPreconditionFailed && u.NoClobber:
			if found, ferr := u.exists(ctx); found && ferr == nil {
				err = u.found()
			}
			return report, sent, err
		default:
			to, rerr := httpclient.Redirected(u.put.at, answer)
			if rerr == nil && to != nil {
				rerr = u.redirect(to, answer)
			}
			if rerr != nil {
				return report, sent, fmt.Errorf("PUT %s: %w", httpclient.PlainURL(u.put.at), rerr)
			}
			if to == nil {
				return report, sent, err
			}
		}
	}
}

// redirect makes the next request one to another URL (RFC 9110 section 15.4), without the user's password if that is on another
// host, or was reached by way of one.
func (u *upload) redirect(to *url.URL, answer *transfer.StatusError) error {
	if u.info == nil {
		return fmt.Errorf("%w: the input cannot be read again to follow it", answer)
	}
	if u.put.redirects == httpclient.MaxRedirects {
		return httpclient.TooManyRedirects(answer)
	}
	first, err := url.Parse(u.target)
	if err != nil {
		return err
	}
	u.put.redirects++
	u.put.foreign = u.put.foreign || !httpclient.SameHost(first, to)
	if !u.put.foreign {
		to.User = first.User
	}
	u.put.at = to
	u.Console.Note("%s: redirected to %s", httpclient.PlainURL(first), httpclient.PlainURL(to))
	return nil
}

// exists reports whether there is a file where the next PUT goes.
func (u *upload) exists(ctx context.Context) (bool, error) {
	u.put.method = http.MethodHead
	header := http.Header{"User-Agent": {cli.UserAgent}}
	if u.tus { // else a server of tus refuses HEAD
		header.Set("Tus-Resumable", tus.Version)
	}
	return probe.Exists(ctx, u.client, u.put.at, header, u.limits().WithDefaults().Idle)
}

// found is the error for a file that exists. After an attempt whose answer was lost the file may be this one.
func (u *upload) found() error {
	if u.lost == nil {
		return cli.ErrSkipped
	}
	return &cli.Error{Code: cli.ExitNetwork, Err: fmt.Errorf("%w; the file exists now, perhaps by that attempt", u.lost),
		Hint: "compare it, or replace it without -n"}
}

// mayBeStored reports whether an attempt that failed with err may have stored the file: the server had all of it.
func (u *upload) mayBeStored(err error) bool {
	if broken, ok := errors.AsType[*transfer.NetworkError](err); ok {
		return u.info != nil && broken.Offset >= u.info.Size()
	}
	answer, ok := errors.AsType[*transfer.StatusError](err)
	return ok && answer.Status >= 500
}

// replaced is the error for an answer that says, despite -n, that a file was replaced. One that is new is 201 (RFC 9110
// section 9.3.4).
func (u *upload) replaced() error {
	if !u.NoClobber || u.put.status != http.StatusOK && u.put.status != http.StatusNoContent {
		return nil
	}
	err := cli.Errorf(cli.ExitFailed, "PUT %s: the server answered %d %s, as for a file that was replaced: one that appeared just before may be lost",
		httpclient.PlainURL(u.put.at), u.put.status, http.StatusText(u.put.status))
	return err.WithHint("the server does not know If-None-Match, which -n relies on for that moment")
}

// again waits before something that failed with err is tried again, or returns the error to be reported.
func (u *upload) again(ctx context.Context, err error) error {
	status, refused := errors.AsType[*transfer.StatusError](err)
	broken, network := errors.AsType[*transfer.NetworkError](err)
	cause, final := err, false
	var after time.Duration
	switch {
	case ctx.Err() != nil || isA[*cli.Error](err):
		return err
	case network:
		cause, final = broken, retry.Permanent(broken, u.answered)
	case refused && retry.Transient(status.Status) && status.Status != http.StatusNotImplemented:
		u.answered = true
		cause, after = status, httpfield.RetryAfter(status.Header)
	default:
		return err
	}
	n := u.retry.Retries()
	switch {
	case !final && !u.retry.Exhausted():
		_ = u.retry.Wait(ctx, after, cause) // the next attempt fails with what has ended it
		return nil
	case n == 0:
		return err
	case n == 1:
		return fmt.Errorf("%w (1 retry)", err)
	}
	return fmt.Errorf("%w (%d retries)", err, n)
}

// retrying says which request is going to be repeated.
func (u *upload) retrying(attempt int, wait time.Duration, cause error) {
	method := u.put.method
	if u.tus && method == http.MethodPut {
		method = "tus"
	}
	if answer, ok := errors.AsType[*transfer.StatusError](cause); ok {
		method = answer.Method
	}
	u.Console.Retry(method+" "+httpclient.PlainURL(u.put.at), attempt, wait, cause)
}
