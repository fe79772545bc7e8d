package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/transfer"
)

// A flowHandler answers each GET with a run of a flow, at / and at its name. A HEAD runs nothing.
type flowHandler struct {
	site  *site
	flow  *flow.Flow
	taken atomic.Bool // standard input, which can be read once
}

func (h *flowHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var built *flow.Built
	limits := cli.Limits{Rate: h.site.rate}
	build := flow.BuildOptions{Context: r.Context(), MayChange: true, AfterSource: limits.Stage(), OnRetry: func(source string, attempt int, wait time.Duration, cause error) {
		h.site.server.log.Warn(fmt.Sprintf("%s: %s; retry %d in %s", source, cli.Message(cause), attempt, text.Duration(wait)))
	}}
	content := h.flow.Content()
	opts := httpflow.HandlerOptions{ContentType: content.Type}
	if content.Decoded != "" { // else what is coded has no type to tell
		opts.ContentType, opts.Coding = content.Decoded, content.Coding
	}
	opts.CacheControl = "no-store"
	mine := false // the one request that reads standard input
	var outcome httpflow.Outcome
	opts.OnRequest = func(r *http.Request, o httpflow.Outcome) {
		outcome = o
		var digests []slog.Attr
		if built != nil {
			for _, d := range built.Digests() {
				digests = append(digests, slog.String(d.Algorithm, d.String()))
			}
		}
		h.site.server.log.Request(r, o, h.site.server.isOver(), digests...)
	}
	defer func() {
		if mine {
			h.conclude(r, outcome)
		}
	}()
	httpflow.Handler(func(r *http.Request) (pipeline.Source, error) {
		switch {
		case r.URL.Path != "/" && (content.Name == "" || r.URL.Path != "/"+content.Name):
			return pipeline.Source{}, &httpflow.Error{Status: http.StatusNotFound}
		case h.flow.Source().Element.Stdio:
			if mine = r.Method == http.MethodGet && h.taken.CompareAndSwap(false, true); !mine && h.taken.Load() {
				return pipeline.Source{}, &httpflow.Error{Status: http.StatusGone, Text: "standard input was read already, and can be read only once"}
			}
			if mine && !r.ProtoAtLeast(1, 1) {
				drain(r) // the handler closes the connection, or resets it
			}
		}
		var err error
		if built, err = h.flow.Build(build); err != nil {
			return pipeline.Source{}, err
		}
		return built.Source, nil
	}, opts).ServeHTTP(w, r)
}

// conclude ends the server when standard input was read.
func (h *flowHandler) conclude(r *http.Request, o httpflow.Outcome) {
	const hint = "standard input can be read only once: start the command that writes it again"
	_, tooSlow := errors.AsType[*transfer.TimeoutError](o.Err)
	switch {
	case o.Err == nil:
		drain(r)
		h.site.server.finish(nil)
	case o.ClientGone:
		h.site.server.finish(cli.Errorf(cli.ExitNetwork, "the client closed the connection after %s", text.Size(o.Bytes)).WithHint(hint))
	case tooSlow:
		h.site.server.finish(cli.Errorf(cli.ExitNetwork, "%w", o.Err).WithHint(hint))
	default:
		h.site.server.finish(o.Err)
	}
}
