package main

import (
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
	build := flow.BuildOptions{Context: r.Context(), AfterSource: limits.Stage(), OnRetry: func(source string, attempt int, wait time.Duration, cause error) {
		h.site.server.log.Warn(fmt.Sprintf("%s: %s; retry %d in %s", source, cli.Message(cause), attempt, text.Duration(wait)))
	}}
	content := h.flow.Content()
	opts := httpflow.HandlerOptions{ContentType: content.Type}
	if content.Decoded != "" { // else what is coded has no type to tell
		opts.ContentType, opts.Coding = content.Decoded, content.Coding
	}
	opts.CacheControl = "no-store"
	opts.OnRequest = func(r *http.Request, o httpflow.Outcome) {
		var digests []slog.Attr
		if built != nil {
			for _, d := range built.Digests() {
				digests = append(digests, slog.String(d.Algorithm, d.String()))
			}
		}
		h.site.server.log.Request(r, o, h.site.server.isOver(), digests...)
	}
	httpflow.Handler(func(r *http.Request) (pipeline.Source, error) {
		switch {
		case r.URL.Path != "/" && (content.Name == "" || r.URL.Path != "/"+content.Name):
			return pipeline.Source{}, &httpflow.Error{Status: http.StatusNotFound}
		case h.flow.Source().Element.Stdio && (h.taken.Load() || r.Method == http.MethodGet && !h.taken.CompareAndSwap(false, true)):
			return pipeline.Source{}, &httpflow.Error{Status: http.StatusGone, Text: "standard input was read already, and can be read only once"}
		}
		var err error
		if built, err = h.flow.Build(build); err != nil {
			return pipeline.Source{}, err
		}
		return built.Source, nil
	}, opts).ServeHTTP(w, r)
}
