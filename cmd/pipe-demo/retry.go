package main

import (
	"net/http"
	"time"

	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/sources"
)

// httpOptions are those of every download.
func (b *build) httpOptions(address string) sources.HTTPOptions {
	opts := sources.HTTPOptions{Header: http.Header{"User-Agent": {userAgent}}}
	if b.retrying != nil {
		opts.Retry.OnRetry = func(attempt int, wait time.Duration, cause error) {
			b.retrying(text.RedactURL(address), attempt, wait, cause)
		}
	}
	return opts
}

// retrying tells of a request that is repeated.
func (a *app) retrying(what string, attempt int, wait time.Duration, cause error) {
	a.event("retry", map[string]any{"attempt": attempt, "wait_seconds": wait.Seconds(), "error": message(cause), "source": what})
	a.note("%spipe-demo: %s: %s; retry %d in %s", a.clear(), text.Printable(what), text.Printable(message(cause)), attempt, text.Duration(wait))
}

// clear makes room for a line where the progress is drawn.
func (a *app) clear() string {
	if a.errTTY < 0 {
		return ""
	}
	return clearLine
}
