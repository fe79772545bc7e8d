package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
)

// A flowHandler answers each GET with a run of a flow, at / and at its name. A HEAD runs nothing.
type flowHandler struct {
	server *server
	flow   *flow.Flow
	taken  atomic.Bool // the one standard input
}

func (h *flowHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b := h.server.app.newBuild(r.Context())
	defer b.close()
	b.retrying = func(source string, attempt int, wait time.Duration, cause error) {
		h.server.log.Warn(fmt.Sprintf("%s: %s; retry %d in %s", source, message(cause), attempt, text.Duration(wait)))
	}
	content := h.flow.Content()
	opts := httpflow.HandlerOptions{ContentType: content.Type}
	if content.Decoded != "" { // else what is coded has no type to tell
		opts.ContentType, opts.Coding = content.Decoded, content.Coding
	}
	opts.CacheControl = "no-store"
	opts.OnRequest = func(r *http.Request, o httpflow.Outcome) {
		var digests []slog.Attr
		for _, d := range b.found() {
			digests = append(digests, slog.String(d.Algorithm, d.String()))
		}
		h.server.request(r, o, digests...)
	}
	httpflow.Handler(func(r *http.Request) (pipeline.Source, error) {
		switch {
		case r.URL.Path != "/" && (content.Name == "" || r.URL.Path != "/"+content.Name):
			return pipeline.Source{}, &httpflow.Error{Status: http.StatusNotFound}
		case h.flow.Source().Element.Stdio && (h.taken.Load() || r.Method == http.MethodGet && !h.taken.CompareAndSwap(false, true)):
			return pipeline.Source{}, &httpflow.Error{Status: http.StatusGone, Text: "standard input was read already, and can be read only once"}
		}
		built, err := h.flow.Build(b.options())
		if err != nil {
			return pipeline.Source{}, err
		}
		b.built = built
		return built.Source, nil
	}, opts).ServeHTTP(w, r)
}
