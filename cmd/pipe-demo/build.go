package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

// A build turns a plan into a pipeline, for one run, and keeps what the run leaves behind.
type build struct {
	ctx       context.Context // of requests, whose answers the last steps wait for
	force     bool
	limitRate int64                                                             // bytes per second; 0: none
	terminal  bool                                                              // standard output is a terminal
	client    *http.Client                                                      // made when it is needed
	retrying  func(source string, attempt int, wait time.Duration, cause error) // is told of requests that are repeated; may be nil

	origin  string // the source's name, as long as the stream is still its bytes; else "-"
	digests []*digestSeen
	labels  []string // of the flow's own nodes, in the order of the report: what the user called them
}

// digestSeen is what a digest stage found; sum stays empty when the stream was stopped before its end.
type digestSeen struct {
	algorithm string
	sum       string
}

func (b *build) digest(algorithm string) *digestSeen {
	d := &digestSeen{algorithm: algorithm}
	b.digests = append(b.digests, d)
	return d
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

// pipeline builds the flow of p.
func (b *build) pipeline(p *plan) (*pipeline.Pipeline, error) {
	src, err := b.begin(p)
	if err != nil {
		return nil, err
	}
	sink, err := b.chain(&p.chain)
	if err != nil {
		if fe, ok := errors.AsType[*flowError](err); ok {
			fe.words = p.flow.words
		}
		return nil, err
	}
	return src.To(sink), nil
}

// source builds the flow of p without its sink.
func (b *build) source(p *plan) (pipeline.Source, error) {
	src, err := b.begin(p)
	return src.Via(b.stages(p.chain.stages)), err
}

// begin builds the source, and the limit behind it.
func (b *build) begin(p *plan) (pipeline.Source, error) {
	src, err := p.source.elem.source(b, p.source.text)
	if err != nil {
		return src, &flowError{words: p.flow.words, at: p.source.at, msg: err.Error()}
	}
	b.labels = append(b.labels, shown(p.source.text))
	if b.limitRate > 0 {
		src = src.Via(stages.Limit(b.limitRate))
		b.labels = append(b.labels, "limit")
	}
	b.origin = p.source.text
	if p.source.elem.network {
		if u, err := url.Parse(b.origin); err == nil {
			b.origin = cmp.Or(urlName(u), "-")
		}
	} else if path, err := localPath(b.origin); err == nil {
		b.origin = path
	}
	return src, nil
}

func (b *build) stages(list []planStage) (all pipeline.Stage) {
	for _, s := range list {
		all = all.Via(s.elem.stage(b, s.values))
		b.labels = append(b.labels, s.elem.name)
		if !s.elem.keeps {
			b.origin = "-"
		}
	}
	return all
}

func (b *build) chain(c *planned) (pipeline.Sink, error) {
	before := b.origin
	defer func() { b.origin = before }()
	all := b.stages(c.stages)
	if c.sink == nil {
		b.labels = append(b.labels, "tee")
		branches := make([]pipeline.Sink, len(c.branches))
		for i, branch := range lateFirst(c.branches) {
			sink, err := b.chain(branch)
			if err != nil {
				return sink, err
			}
			branches[i] = sink
		}
		return all.To(pipeline.Tee(branches...)), nil
	}
	sink, err := c.sink.elem.sink(b, c.sink.text)
	if err != nil {
		return sink, &flowError{at: c.sink.at, msg: err.Error()}
	}
	if c.sink.text == "-" && b.terminal && !b.force {
		all = all.Via(textOnly())
		b.labels = append(b.labels, "terminal")
	}
	b.labels = append(b.labels, shown(c.sink.text))
	return all.To(sink), nil
}

// lateFirst puts the branches whose last step can fail late, the uploads, before the others, whose renames can then
// still be undone.
func lateFirst(branches []planned) []*planned {
	sorted := make([]*planned, len(branches))
	for i := range branches {
		sorted[i] = &branches[i]
	}
	late := func(p *planned) int {
		if slices.ContainsFunc(p.sinks(), func(u use) bool { return u.elem.network }) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(sorted, func(a, b *planned) int { return late(a) - late(b) })
	return sorted
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

// check finds what can be known to be wrong before anything is touched: sources that are not there, outputs that are,
// outputs named twice. With -n and an output in place the error is errSkipped.
func (p *plan) check(rule outputRule) error {
	ends := p.chain.sinks()
	paths := make([]string, len(ends))
	for i, end := range ends {
		if end.elem.network || end.text == "-" {
			continue
		}
		path, err := localPath(end.text)
		if err != nil {
			return &flowError{words: p.flow.words, at: end.at, msg: err.Error()}
		}
		paths[i] = path
	}
	for i, end := range ends {
		for j := range i {
			if end.text == ends[j].text && (paths[i] == "" || end.text != "/dev/null") || paths[i] != "" && paths[j] != "" && sameOutput(paths[i], paths[j]) {
				return &flowError{words: p.flow.words, at: end.at, msg: fmt.Sprintf("%s is a destination twice", end.text),
					hint: fmt.Sprintf("%s is one already", ends[j].text)}
			}
		}
	}
	if !p.source.elem.network {
		if _, err := checkSource(p.source.text); err != nil {
			return err
		}
	}
	for _, path := range paths {
		if path == "" {
			continue
		}
		if err := checkOutput(path, rule); err != nil {
			return err
		}
	}
	return nil
}

// codec says that the chain changes the size of the stream, for its one sink.
func (p *plan) codec() bool {
	return slices.ContainsFunc(p.chain.stages, func(s planStage) bool { return s.elem.codec })
}

// outputs are the local files that the flow makes.
func (p *plan) outputs() []string {
	var paths []string
	for _, end := range p.chain.sinks() {
		if end.elem.network || end.text == "-" {
			continue
		}
		if path, err := localPath(end.text); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}
