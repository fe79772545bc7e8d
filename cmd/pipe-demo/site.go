package main

import (
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/stages"
)

//go:embed tune.mp3
var tune []byte

// isFlow says that the arguments of serve are a flow, and not a path.
func isFlow(args []string) bool {
	if slices.Contains(args, "!") || len(args) == 1 && args[0] == "-" {
		return true
	}
	if len(args) != 1 {
		return false
	}
	scheme, isURL := schemeOf(args[0])
	return isURL && scheme != "file"
}

// handler finds out what is to be served. The function it returns is for the end.
func (s *server) handler(args []string, list bool) (http.Handler, func(), error) {
	none := func() {}
	opts := httpflow.Options{OnRequest: func(r *http.Request, o httpflow.Outcome) { s.request(r, o) }}
	if rate := int64(s.app.flags.limitRate); rate > 0 {
		opts.Via = stages.Limit(rate)
	}
	noFolder := func(what string) error {
		if list {
			return usageError("serve: --list is for a folder, and %s is none", what)
		}
		return nil
	}
	switch {
	case len(args) == 0:
		return httpflow.Bytes("tune.mp3", tune, opts), none, noFolder("the tune")
	case isFlow(args):
		h, err := s.flowHandler(args)
		if err == nil {
			err = noFolder("a flow")
		}
		return h, none, err
	}
	path := args[0]
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, bareCause(err))
		}
		return httpflow.FileServer(root, httpflow.FileServerOptions{Options: opts, List: list, Precompressed: true}), func() { root.Close() }, nil
	}
	info, err := checkSource(asPath(path))
	if err == nil && (info == nil || !info.Mode().IsRegular()) {
		err = fmt.Errorf("%s: is neither a file nor a folder", path)
	}
	if err == nil {
		err = noFolder(path)
	}
	if err != nil {
		return nil, nil, err
	}
	return httpflow.File(path, opts), none, nil
}

// flowHandler checks a flow that lacks its sink, the response.
func (s *server) flowHandler(words []string) (http.Handler, error) {
	p, err := planFlow(append(words[:len(words):len(words)], "!", "-"))
	if fe, ok := err.(*flowError); ok { //nolint:errorlint // planFlow returns it bare
		fe.words = words
		if strings.HasPrefix(fe.hint, "only the last element") {
			fe.hint = "the response is the sink: the flow ends before it"
		}
	}
	if err != nil {
		return nil, err
	}
	p.flow.words = words
	if p.chain.sink == nil || p.chain.branches != nil {
		return nil, &flowError{words: words, at: slices.Index(words, "tee"), msg: "a flow that is served has no tee: the response is its one sink"}
	}
	if !p.source.elem.network {
		if _, err := checkSource(p.source.text); err != nil {
			return nil, err
		}
	}
	h := &flowHandler{server: s, plan: p, once: p.source.text == "-"}
	h.name, h.kind, h.coded = p.served()
	return h, nil
}
