package main

import (
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/weirflow/weir/internal/text"
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
	f := newFlowWriter(w, r)
	var digests []slog.Attr
	defer func() { h.server.request(r, f.end(), digests...) }()
	switch {
	case r.Method == http.MethodOptions: // RFC 9110 §9.3.7
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		f.WriteHeader(http.StatusNoContent)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		f.refuse(http.StatusMethodNotAllowed, "")
		return
	case r.URL.Path != "/" && (h.name == "" || r.URL.Path != "/"+h.name):
		f.refuse(http.StatusNotFound, "")
		return
	case h.once && (h.taken.Load() || r.Method == http.MethodGet && !h.taken.CompareAndSwap(false, true)):
		f.refuse(http.StatusGone, "standard input was read already, and can be read only once")
		return
	}
	h.describe(w.Header(), r)
	if r.Method == http.MethodHead {
		f.WriteHeader(http.StatusOK)
		return
	}
	b := h.server.app.newBuild(f.ctx)
	defer b.close()
	b.terminal = false
	b.retrying = func(source string, attempt int, wait time.Duration, cause error) {
		h.server.log.Warn(fmt.Sprintf("%s: %s; retry %d in %s", source, message(cause), attempt, text.Duration(wait)))
	}
	f.run(b, h.plan)
	for _, d := range b.digests {
		digests = append(digests, slog.String(d.algorithm, d.sum))
	}
}

// describe sets the header of a response with content. Its length is not known, and of parts
// nothing either.
func (h *flowHandler) describe(header http.Header, r *http.Request) {
	header.Set("Accept-Ranges", "none")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	kind := h.kind
	if h.coded != "" {
		header.Set("Vary", "Accept-Encoding")
		if takesGzip(r.Header.Values("Accept-Encoding")) {
			kind = h.coded
			header.Set("Content-Encoding", "gzip")
		}
	}
	if kind != "" {
		header.Set("Content-Type", kind)
	}
}

// takesGzip reads Accept-Encoding (RFC 9110 §12.5.3): whether gzip is acceptable to the client.
func takesGzip(values []string) bool {
	any := false
	for element := range strings.SplitSeq(strings.ToLower(strings.Join(values, ",")), ",") {
		name, weight, weighted := strings.Cut(element, ";")
		ok := true
		if weighted {
			q, is := strings.CutPrefix(strings.TrimSpace(weight), "q=")
			v, err := strconv.ParseFloat(q, 64)
			ok = is && err == nil && v > 0
		}
		switch strings.TrimSpace(name) {
		case "gzip", "x-gzip":
			return ok
		case "*":
			any = ok
		}
	}
	return any
}
