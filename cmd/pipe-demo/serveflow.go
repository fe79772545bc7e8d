package main

import (
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
)

// A flowHandler answers each GET with a run of a flow, at / and at its name. A HEAD runs nothing.
type flowHandler struct {
	server *server
	plan   *plan
	name   string // "" has none
	kind   string // media type; "" is what the first bytes look like
	coded  string // media type without the gzip at the flow's end; "" if that is no content coding
	once   bool   // there is only one standard input
	taken  atomic.Bool
}

// served are the name and the media type of what a flow makes. Where its last stage is gzip, coded
// is the type of what goes in there: clients that take gzip as a content coding get it as one.
func (p *plan) served() (name, kind, coded string) {
	name = filepath.Base(p.source.text)
	switch path, err := localPath(p.source.text); {
	case p.source.text == "-":
		name = ""
	case p.source.elem.network:
		if u, err := url.Parse(p.source.text); err == nil {
			name = urlName(u)
		}
	case err == nil:
		name = filepath.Base(path)
	}
	kind = typeOf(name)
	for _, s := range p.chain.stages {
		e := s.elem
		if e.keeps {
			continue
		}
		coded = ""
		switch {
		case e.name == "take":
		case e.name == "gzip":
			kind, coded = "application/gzip", kind
			if name != "" {
				name += ".gz"
			}
		case e.name == "gunzip":
			name = strings.TrimSuffix(name, ".gz")
			kind = typeOf(name)
		case e.name == "skip":
			kind = ""
		default: // a digest
			kind = "text/plain; charset=utf-8"
			if name != "" {
				name += "." + e.name
			}
		}
	}
	return name, kind, coded
}

func typeOf(name string) string {
	if ext := strings.ToLower(path.Ext(name)); ext != ".log" {
		return mime.TypeByExtension(ext)
	}
	return "text/plain; charset=utf-8"
}

func (h *flowHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b := h.server.app.newBuild(r.Context())
	defer b.close()
	b.retrying = func(source string, attempt int, wait time.Duration, cause error) {
		h.server.log.Warn(fmt.Sprintf("%s: %s; retry %d in %s", source, message(cause), attempt, text.Duration(wait)))
	}
	opts := httpflow.HandlerOptions{ContentType: h.kind}
	if h.coded != "" {
		opts.ContentType, opts.Coding = h.coded, "gzip"
	}
	opts.CacheControl = "no-store"
	opts.OnRequest = func(r *http.Request, o httpflow.Outcome) {
		var digests []slog.Attr
		for _, d := range b.digests {
			digests = append(digests, slog.String(d.algorithm, d.sum))
		}
		h.server.request(r, o, digests...)
	}
	httpflow.Handler(func(r *http.Request) (pipeline.Source, error) {
		switch {
		case r.URL.Path != "/" && (h.name == "" || r.URL.Path != "/"+h.name):
			return pipeline.Source{}, &httpflow.Error{Status: http.StatusNotFound}
		case h.once && (h.taken.Load() || r.Method == http.MethodGet && !h.taken.CompareAndSwap(false, true)):
			return pipeline.Source{}, &httpflow.Error{Status: http.StatusGone, Text: "standard input was read already, and can be read only once"}
		}
		return b.source(h.plan)
	}, opts).ServeHTTP(w, r)
}
