package transfer

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/retry"
	"github.com/weirflow/weir/transfer"
)

// exists asks whether there is a file where the next PUT goes. A server that ignores If-None-Match would replace it. HEAD alone
// proves only that there is one: what knows no HEAD answers it in many ways, also with 404. So a GET of one byte has the last
// word, unless it says nothing and HEAD did.
func (u *upload) exists(ctx context.Context) (bool, error) {
	head, herr := u.ask(ctx, http.MethodHead)
	if herr == nil && isThere(head) {
		return true, nil
	}
	get, gerr := u.ask(ctx, http.MethodGet)
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case gerr == nil && isThere(get):
		return true, nil
	case gerr == nil && isMissing(get), herr == nil && isMissing(head):
		return false, nil
	}
	if err := cmp.Or(herr, gerr); err != nil {
		return false, err
	}
	for _, answer := range []*transfer.StatusError{head, get} {
		if retry.Transient(answer.Status) && answer.Status != http.StatusNotImplemented {
			return false, fmt.Errorf("%s %s: %w", answer.Method, httpclient.PlainURL(u.put.at), answer)
		}
	}
	err := cli.Errorf(cli.ExitFailed, "%s: the server does not say whether the file exists: HEAD: %w; GET: %w", httpclient.PlainURL(u.put.at), head, get)
	return false, err.WithHint("nothing was sent; without -n a file that exists is replaced")
}

func isThere(answer *transfer.StatusError) bool {
	return answer.Status >= 200 && answer.Status <= 299 || answer.Status == http.StatusRequestedRangeNotSatisfiable // an empty file
}

func isMissing(answer *transfer.StatusError) bool {
	return answer.Status == http.StatusNotFound || answer.Status == http.StatusGone
}

// ask sends a request without a body to where the next PUT goes, and returns its answer, whatever that is. Redirects are
// followed that are about the place: 302 and 303 may lead to a form, and a form is no file.
func (u *upload) ask(ctx context.Context, method string) (*transfer.StatusError, error) {
	at, foreign := u.put.at, u.put.foreign
	for redirects := 0; ; redirects++ {
		answer, err := u.askOnce(ctx, method, at)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, httpclient.PlainURL(at), err)
		}
		moved := *answer
		if moved.Status == http.StatusMovedPermanently {
			moved.Status = http.StatusPermanentRedirect // the same, for a method that changes nothing
		}
		to, err := httpclient.Redirected(at, &moved)
		if err != nil || to == nil || redirects == httpclient.MaxRedirects {
			return answer, nil
		}
		if foreign = foreign || !httpclient.SameHost(u.put.at, to); !foreign {
			to.User = u.put.at.User
		}
		at = to
	}
}

func (u *upload) askOnce(ctx context.Context, method string, at *url.URL) (*transfer.StatusError, error) {
	limit := u.limits().WithDefaults().Idle
	ctx, cancel := context.WithTimeoutCause(ctx, limit, &transfer.TimeoutError{Limit: "idle", After: limit})
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, at.String(), nil)
	if err != nil {
		return nil, httpclient.WithoutURL(err)
	}
	req.Header.Set("User-Agent", cli.UserAgent)
	req.Header.Set("Accept-Encoding", "identity")
	if method == http.MethodGet {
		req.Header.Set("Range", "bytes=0-0")
	}
	resp, err := httpclient.Unredirected(u.client).Do(req)
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err != nil:
		err = httpclient.WithoutURL(err)
	}
	if err != nil {
		return nil, &transfer.NetworkError{Err: err}
	}
	resp.Body.Close()
	return httpclient.StatusError(method, resp, nil), nil
}
