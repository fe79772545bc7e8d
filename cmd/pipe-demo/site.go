package main

import (
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"slices"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/stages"
)

//go:embed tune.mp3
var tune []byte

// isFlow says that the arguments of serve are a flow, and not a path.
func (s *server) isFlow(args []string) bool {
	if len(args) != 1 {
		return slices.Contains(args, "!")
	}
	e, err := s.app.registry.Endpoint(flow.SourceRole, args[0])
	return err != nil || e.Element.File == nil
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
	case s.isFlow(args):
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
	info, err := checkSource(path)
	if err == nil && (!info.Mode().IsRegular()) {
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
	f, err := s.app.registry.ParseSource(words...)
	if err == nil {
		err = checkFlowSource(f)
	}
	if err != nil {
		return nil, err
	}
	return &flowHandler{server: s, flow: f}, nil
}
