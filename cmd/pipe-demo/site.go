package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/stages"
)

//go:embed tune.mp3
var tune []byte

// A site is what serve serves.
type site struct {
	server   *server
	registry *flow.Registry
	rate     cli.Rate // of each response

	list          bool
	precompressed bool
}

// isFlow reports whether the arguments of serve are a flow, and not a path.
func isFlow(reg *flow.Registry, args []string) bool {
	if len(args) != 1 {
		return slices.Contains(args, "!")
	}
	e, err := reg.Endpoint(flow.SourceRole, args[0])
	return err != nil || e.Element.File == nil
}

// handler finds out what is to be served. The function that it returns is to be called at the end.
func (s *site) handler(args []string) (http.Handler, func(), error) {
	none := func() {}
	opts := httpflow.Options{OnRequest: func(r *http.Request, o httpflow.Outcome) { s.server.log.Request(r, o, s.server.isOver()) }}
	if rate := int64(s.rate); rate > 0 {
		opts.Via = stages.Limit(rate)
	}
	noDirectory := func(what string) error {
		switch {
		case s.list:
			return cli.Usage("serve: --list is for a directory, and %s is not one", what)
		case s.precompressed:
			return cli.Usage("serve: --precompressed is for a directory, and %s is not one", what)
		}
		return nil
	}
	switch {
	case len(args) == 0:
		return httpflow.Bytes("tune.mp3", tune, opts), none, noDirectory("the tune")
	case isFlow(s.registry, args):
		h, err := s.flowHandler(args)
		if err == nil {
			err = noDirectory("a flow")
		}
		return h, none, err
	}
	path := args[0]
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		root, err := os.OpenRoot(path)
		if err == nil {
			if _, err = root.Lstat("index.html"); errors.Is(err, fs.ErrNotExist) {
				err = nil // only whether names can be looked up
			}
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, cli.Cause(err))
		}
		return httpflow.FileServer(root, httpflow.FileServerOptions{Options: opts, List: s.list, Precompressed: s.precompressed}), func() { root.Close() }, nil
	}
	info, err := cli.CheckSource(path)
	if err == nil && (!info.Mode().IsRegular()) {
		err = fmt.Errorf("%s: is neither a file nor a directory", path)
	}
	if err == nil {
		err = noDirectory(path)
	}
	if err != nil {
		return nil, nil, err
	}
	return httpflow.File(path, opts), none, nil
}

// flowHandler checks a flow that lacks its sink, the response.
func (s *site) flowHandler(words []string) (http.Handler, error) {
	f, err := s.registry.ParseSource(words...)
	if err == nil {
		err = checkFlowSource(f)
	}
	if err != nil {
		return nil, err
	}
	return &flowHandler{site: s, flow: f}, nil
}
