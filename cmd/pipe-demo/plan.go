package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/flow/std"
	"github.com/weirflow/weir/internal/httpclient"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
)

// newRegistry has the elements of flows.
func newRegistry() *flow.Registry {
	reg := std.RegistryWith(std.Options{UserAgent: cli.UserAgent, Client: &http.Client{Transport: httpclient.NewUploadTransport()}})
	reg.Hint = "pipe-demo list shows all of them"
	return reg
}

// flowOptions are the flags of the commands that take a flow.
type flowOptions struct {
	console  *cli.Console
	existing cli.Existing
	sync     sinks.Sync
	limits   cli.Limits

	mayChange bool // sources may change while they are read
}

// build is what one run of a flow is built with.
func (o *flowOptions) build(ctx context.Context) flow.BuildOptions {
	return flow.BuildOptions{
		Context: ctx, File: o.file, NoClobber: o.existing.NoClobber, MayChange: o.mayChange, OnRetry: o.console.Retry, OnWarning: o.console.Warning, AfterSource: o.limits.Stage(),
		BeforeSink: func(e flow.Endpoint) pipeline.Stage {
			return o.console.TextOnly(o.existing.Force || !e.Element.Stdio)
		},
	}
}

// file is the sink that makes a local file.
func (o *flowOptions) file(path string) pipeline.Sink {
	opts := o.existing.FileOptions(o.console, path)
	opts.Sync = o.sync
	return o.existing.FileSink(path, opts)
}

// checkFlow finds what can be known to be wrong before anything is touched: sources that do not exist, outputs that
// do, outputs named twice. The outputs are the local files that the flow makes; they are known as well when the error is
// cli.ErrSkipped.
func checkFlow(f *flow.Flow, existing cli.Existing) ([]cli.Output, error) {
	ends := f.Sinks()
	looked := make([]cli.Output, len(ends))
	var outputs []cli.Output
	for i, end := range ends {
		path, err := end.File()
		if err != nil {
			return nil, f.Error(end, err.Error(), "")
		}
		switch {
		case path != "":
			looked[i] = cli.LookAt(path)
			outputs = append(outputs, looked[i])
		case end.Element.Stdio:
			looked[i] = cli.Output{Path: "-"}
		}
		for j, other := range ends[:i] {
			if end.Word == other.Word && end.Word != os.DevNull || looked[i].Path != "" && looked[j].Path != "" && looked[i].Same(looked[j]) {
				return nil, f.Error(end, fmt.Sprintf("%s is a destination twice", end.Word), fmt.Sprintf("%s is one already", other.Word))
			}
		}
	}
	if err := checkFlowSource(f); err != nil {
		return nil, err
	}
	for i, end := range ends {
		if looked[i].Path != "" && looked[i].Changes(existing) && readsFrom(f.Source(), looked[i]) {
			return nil, f.Error(end, fmt.Sprintf("%s is the same file as %s, which is read", end.Word, f.Source().Word), "")
		}
	}
	for _, o := range outputs {
		if err := o.Check(existing); err != nil {
			return outputs, err
		}
		if err := o.CheckReplace(existing); err != nil {
			return outputs, err
		}
	}
	return outputs, nil
}

// checkFlowSource is cli.CheckSource for the source of a flow, if it is a file.
func checkFlowSource(f *flow.Flow) error {
	path, err := f.Source().File()
	if err != nil {
		return f.Error(f.Source(), err.Error(), "")
	}
	if path != "" {
		_, err = cli.CheckSource(path)
	}
	return err
}

// readsFrom reports whether a source is the file that an output is written to.
func readsFrom(source flow.Endpoint, o cli.Output) bool {
	path, err := source.File()
	if err != nil || path == "" && !source.Element.Stdio {
		return false
	}
	if source.Element.Stdio {
		path = "-"
	}
	from, kept := cli.SourcePlace(path)
	to, changed := o.Place()
	return kept && changed && from == to
}

// isCodec reports whether the chain of a flow changes the size of the stream, for its one sink.
func isCodec(f *flow.Flow) bool {
	return slices.ContainsFunc(f.Steps(), func(s flow.Step) bool { return s.Element.Codec != nil })
}
