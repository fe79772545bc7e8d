// Package probe asks a server what it has.
package probe

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/internal/retry"
	"github.com/weirflow/weir/transfer"
)

// Exists asks whether a PUT to a URL would replace something, because a server that ignores If-None-Match replaces it. HEAD alone
// proves only that there is something: what knows no HEAD answers it in many ways, also with 404. So a GET of one byte has the
// last word, unless it says nothing and HEAD did. Each request has the header, and may take as long as limit. The error is the
// cause of ctx, or wraps a [*transfer.NetworkError] or the [*transfer.StatusError] of a server that does not say.
func Exists(ctx context.Context, client *http.Client, at *url.URL, header http.Header, limit time.Duration) (bool, error) {
	q := question{httpclient.Unredirected(client), at, header, limit}
	head, herr := q.ask(ctx, http.MethodHead)
	if herr == nil && isThere(head) {
		return true, nil
	}
	get, gerr := q.ask(ctx, http.MethodGet)
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
			return false, fmt.Errorf("%s %s: %w", answer.Method, httpclient.PlainURL(at), answer)
		}
	}
	return false, fmt.Errorf("nothing was sent to %s, because the server does not say whether that exists: HEAD: %w; GET: %w", httpclient.PlainURL(at), head, get)
}

func isThere(answer *transfer.StatusError) bool {
	return answer.Status >= 200 && answer.Status <= 299 || answer.Status == http.StatusRequestedRangeNotSatisfiable // an empty file
}

func isMissing(answer *transfer.StatusError) bool {
	return answer.Status == http.StatusNotFound || answer.Status == http.StatusGone
}

// A question is what Exists asks.
type question struct {
	client *http.Client
	at     *url.URL
	header http.Header
	limit  time.Duration
}

// ask sends a request without a body, and returns its answer, whatever that is. Redirects are followed that are about the place:
// 302 and 303 may lead to a form, and a form is no file.
func (q question) ask(ctx context.Context, method string) (*transfer.StatusError, error) {
	at, header := q.at, q.header
	for redirects := 0; ; redirects++ {
		answer, err := q.exchange(ctx, method, at, header)
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
		if httpclient.SameHost(q.at, to) && httpclient.SameHost(q.at, at) {
			to.User = at.User
		} else {
			header = http.Header{"User-Agent": header["User-Agent"]}
		}
		at = to
	}
}

func (q question) exchange(ctx context.Context, method string, at *url.URL, header http.Header) (*transfer.StatusError, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, q.limit, &transfer.TimeoutError{Limit: "idle", After: q.limit})
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, at.String(), nil)
	if err != nil {
		return nil, httpclient.WithoutURL(err)
	}
	if header != nil {
		req.Header = header.Clone()
	}
	req.Header.Set("Accept-Encoding", "identity")
	if method == http.MethodGet {
		req.Header.Set("Range", "bytes=0-0")
	}
	resp, err := q.client.Do(req)
	switch {
	case err == nil:
		resp.Body.Close()
		return httpclient.StatusError(method, resp, nil), nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	default:
		err = httpclient.WithoutURL(err)
	}
	return nil, &transfer.NetworkError{Err: err}
}
