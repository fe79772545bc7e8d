package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
)

// event writes one line of --json: an object with the schema's number, the event's name, and its fields.
func (a *app) event(name string, fields map[string]any) {
	if !a.flags.json {
		return
	}
	fields["schema"], fields["event"] = 1, name
	line, err := json.Marshal(fields)
	if err != nil {
		panic(err) // the fields are ours, and all of them can be marshalled
	}
	a.err.Write(append(line, '\n'))
}

// endEvent is the end of a run, with the report if there is one.
func endEvent(code int, err error, report *pipeline.Report) map[string]any {
	e := map[string]any{"exit": code, "ok": code == exitDone}
	if err != nil {
		e["error"] = message(err)
		if hint := hintFor(err); hint != "" {
			e["hint"] = hint
		}
	}
	if report == nil {
		return e
	}
	e["elapsed_seconds"] = report.Elapsed.Seconds()
	e["bytes"] = progressOf(*report).Done
	nodes := make([]map[string]any, len(report.Nodes))
	for i, n := range report.Nodes {
		nodes[i] = map[string]any{"name": n.Name, "parent": n.Parent, "in": n.In, "out": n.Out,
			"busy_seconds": n.Busy.Seconds(), "idle_seconds": n.Idle.Seconds(), "backpressured_seconds": n.Backpressured.Seconds()}
	}
	channels := make([]map[string]any, len(report.Channels))
	for i, x := range report.Channels {
		channels[i] = map[string]any{"from": x.From, "to": x.To, "chunks": x.Chunks, "bytes": x.Bytes, "peak": x.Peak,
			"full_seconds": x.FullFor.Seconds(), "empty_seconds": x.EmptyFor.Seconds()}
		if x.Size >= 0 {
			channels[i]["size"] = x.Size
		}
	}
	e["report"] = map[string]any{"nodes": nodes, "channels": channels, "bottleneck": report.Bottleneck()}
	return e
}

// digestEvents are the digests of a run; one that was stopped has a null.
func digestEvents(seen []flow.Digest) []map[string]any {
	list := make([]map[string]any, len(seen))
	for i, d := range seen {
		list[i] = map[string]any{"algorithm": d.Algorithm, "digest": nil}
		if d.Sum != nil {
			list[i]["digest"] = d.String()
		}
	}
	return list
}

func emptyNotNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// writeTable writes a line per node, under the label that the user knows it by: what went in and out, how it spent its time, and which one sets the pace.
func writeTable(w io.Writer, r pipeline.Report, labels []string, summary string) {
	peak := make(map[int]int64)
	for _, e := range r.Channels {
		peak[e.To] = e.Peak
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "node\tin\tout\tbusy\tidle\tbackpressured\tlargest queue")
	slowest := r.Bottleneck()
	for i, n := range r.Nodes {
		name, mark := n.Name, ""
		if n.Parent < 0 && len(labels) > 0 {
			name, labels = labels[0], labels[1:]
		}
		for p := n.Parent; p >= 0; p = r.Nodes[p].Parent {
			name = "  " + name
		}
		if i == slowest {
			mark = "  <- bottleneck"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s%s\n", text.Printable(name), text.Size(n.In), text.Size(n.Out),
			seconds(n.Busy), seconds(n.Idle), seconds(n.Backpressured), text.Size(peak[i]), mark)
	}
	tw.Flush()
	fmt.Fprintln(w, summary)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3fs", d.Seconds()) }
