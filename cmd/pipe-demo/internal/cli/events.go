package cli

import (
	"encoding/json"
	"errors"
	"maps"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/pipeline"
)

// Event writes one line of --json: an object with the schema's number, the event's name, and its fields. Without --json
// it does nothing.
func (c *Console) Event(name string, fields map[string]any) {
	if !c.JSON {
		return
	}
	fields["schema"], fields["event"] = 1, name
	line, err := json.Marshal(fields)
	if err != nil {
		panic(err) // the fields are ours, and all of them can be marshalled
	}
	c.Err.Write(append(line, '\n'))
}

// Warn is the event of a file that a command leaves out.
func (c *Console) Warn(message string, exit int) {
	c.Event("warn", map[string]any{"error": message, "exit": exit})
}

// Warning reports something about what, as an event and in words, that is no failure.
func (c *Console) Warning(what, message string) {
	message = what + ": " + message
	c.Warn(message, ExitDone)
	c.Note("%s", message)
}

// End reports the end of what was started: as an event with more fields, or with --verbose as a table of the nodes
// and a summary.
func (c *Console) End(err error, r pipeline.Report, summary string, more map[string]any) {
	if c.JSON {
		end := endEvent(err, &r)
		maps.Copy(end, more)
		c.Event("end", end)
		c.ended = true
		return
	}
	if c.Verbose && ExitCode(err) != ExitPipe {
		writeTable(c.Err, r, summary)
	}
}

// endEvent is the end of a command, with the report if there is one.
func endEvent(err error, report *pipeline.Report) map[string]any {
	code := ExitCode(err)
	e := map[string]any{"exit": code, "ok": code == ExitDone}
	if errors.Is(err, ErrSkipped) {
		e["skipped"] = true
	} else if err != nil {
		e["error"] = Message(err)
		if hint := Hint(err); hint != "" {
			e["hint"] = hint
		}
	}
	if report == nil {
		return e
	}
	e["elapsed_seconds"] = report.Elapsed.Seconds()
	e["bytes"] = ProgressOf(*report).Done
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

// digestEvents are the digests of a flow; the one of a stream that was stopped before its end is null.
func digestEvents(digests []flow.Digest) []map[string]any {
	list := make([]map[string]any, len(digests))
	for i, d := range digests {
		list[i] = map[string]any{"algorithm": d.Algorithm, "digest": nil}
		if d.Sum != nil {
			list[i]["digest"] = d.String()
		}
	}
	return list
}
