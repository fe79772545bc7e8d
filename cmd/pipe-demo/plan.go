package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/flow/std"
)

// newRegistry has the elements of flows.
func newRegistry() *flow.Registry {
	reg := std.RegistryWith(std.Options{UserAgent: userAgent})
	reg.Hint = "pipe-demo list shows all of them"
	return reg
}

// checkFlow finds what can be known to be wrong before anything is touched: sources that are not there, outputs that
// are, outputs named twice. With -n and an output in place the error is errSkipped.
func checkFlow(f *flow.Flow, rule outputRule) error {
	ends := f.Sinks()
	paths := make([]string, len(ends))
	for i, end := range ends {
		path, err := end.File()
		if err != nil {
			return f.Error(end, err.Error(), "")
		}
		paths[i] = path
		for j, other := range ends[:i] {
			if end.Word == other.Word && end.Word != os.DevNull || path != "" && paths[j] != "" && sameOutput(path, paths[j]) {
				return f.Error(end, fmt.Sprintf("%s is a destination twice", end.Word), fmt.Sprintf("%s is one already", other.Word))
			}
		}
	}
	if err := checkFlowSource(f); err != nil {
		return err
	}
	for _, path := range paths {
		if path == "" {
			continue
		}
		if err := lookAt(path).check(rule); err != nil {
			return err
		}
	}
	return nil
}

// checkFlowSource is checkSource for the source of a flow, if it is a file.
func checkFlowSource(f *flow.Flow) error {
	path, err := f.Source().File()
	if err != nil {
		return f.Error(f.Source(), err.Error(), "")
	}
	if path != "" {
		_, err = checkSource(path)
	}
	return err
}

// isCodec says that the chain of a flow changes the size of the stream, for its one sink.
func isCodec(f *flow.Flow) bool {
	return slices.ContainsFunc(f.Steps(), func(s flow.Step) bool { return s.Element.Codec != nil })
}

// outputs are the local files that a flow makes.
func outputs(f *flow.Flow) []string {
	var paths []string
	for _, end := range f.Sinks() {
		if path, err := end.File(); err == nil && path != "" {
			paths = append(paths, path)
		}
	}
	return paths
}
