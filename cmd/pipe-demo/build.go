package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

// A build has what a command builds a pipeline from, for one run, and what the run leaves behind.
type build struct {
	ctx       context.Context // of requests, whose answers the last steps wait for
	force     bool
	limitRate int64                                                             // bytes per second; 0: none
	terminal  bool                                                              // standard output is a terminal
	client    *http.Client                                                      // made when it is needed
	retrying  func(source string, attempt int, wait time.Duration, cause error) // called before a request is repeated; may be nil

	built   *flow.Built    // of a flow; nil: the command makes its pipeline itself, and sets these:
	digests []*flow.Digest // what its stages find out
	labels  []string       // what to call its own nodes, in the order of the report
}

// options are those of a flow.
func (b *build) options() flow.BuildOptions {
	return flow.BuildOptions{Context: b.ctx, Replace: b.force, OnRetry: b.retrying, AfterSource: b.limit(), BeforeSink: func(e flow.Endpoint) pipeline.Stage {
		if e.Element.Stdio && b.terminal && !b.force {
			return textOnly()
		}
		return pipeline.Stage{}
	}}
}

// pipeline builds a flow.
func (b *build) pipeline(f *flow.Flow) (*pipeline.Pipeline, error) {
	built, err := f.Build(b.options())
	if err != nil {
		return nil, err
	}
	b.built = built
	return built.Pipeline, nil
}

// found are the digests, when the run is over.
func (b *build) found() []flow.Digest {
	if b.built != nil {
		return b.built.Digests()
	}
	all := make([]flow.Digest, len(b.digests))
	for i, d := range b.digests {
		all[i] = *d
	}
	return all
}

// names are what to call the nodes of the pipeline.
func (b *build) names() []string {
	if b.built != nil {
		return b.built.Labels()
	}
	return b.labels
}

// http is the client of the run's uploads.
func (b *build) http() *http.Client {
	if b.client == nil {
		b.client = httpClient()
	}
	return b.client
}

// close ends the connections that are left.
func (b *build) close() {
	if b.client != nil {
		b.client.CloseIdleConnections()
	}
}

// limit is --limit-rate.
func (b *build) limit() pipeline.Stage {
	if b.limitRate == 0 {
		return pipeline.Stage{}
	}
	return stages.Limit(b.limitRate)
}

// httpClient waits for a connection and for an answer only so long. A transfer itself may take all the time it needs.
func httpClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = time.Minute
	t.ExpectContinueTimeout = time.Second
	return &http.Client{Transport: t}
}

// textOnly stops a stream that is about to fill a terminal with binary data. It judges by the first chunk.
func textOnly() pipeline.Stage {
	return pipeline.NewStage("terminal", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		first := true
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			if first && bytes.IndexByte(c.Bytes(), 0) >= 0 {
				return &exitError{code: exitFailed, err: errBinary, hint: "send it to a file, or use -f"}
			}
			first = false
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

var errBinary = errors.New("the output is binary, and standard output is a terminal")
