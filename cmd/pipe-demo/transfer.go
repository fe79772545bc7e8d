package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
)

// A transfer is one flow that a command runs, and what is said about it.
type transfer struct {
	words   []string // the flow as one would write it, without secrets
	outputs []string // the local files it makes
	codec   bool     // its point is to change the size of the stream, so the ratio is worth telling
	pipe    *pipeline.Pipeline
	build   *build
	existed map[string]bool // outputs that are in place before; nil: to be looked at
	kept    func() string   // what a failed run has left, to be told with its end; nil: nothing is kept

	// again is asked after a failure whether to try once more, with the flow that it returns; nil: no.
	again func(error) *pipeline.Pipeline
}

// newBuild is a build with the flags of the command line.
func (a *app) newBuild(ctx context.Context) *build {
	return &build{ctx: ctx, force: a.flags.force, limitRate: int64(a.flags.limitRate), terminal: a.outTTY, retrying: a.retrying}
}

// limits gives a context that ends when --max-time is over.
func (a *app) limits(ctx context.Context) (context.Context, context.CancelFunc) {
	if limit := time.Duration(a.flags.maxTime); limit > 0 {
		return context.WithTimeoutCause(ctx, limit, limitError{"--max-time " + limit.String()})
	}
	return ctx, func() {}
}

// run runs a transfer, shows it while it runs, and says at the end what it did. The error is ready for finish.
func (a *app) run(ctx context.Context, t *transfer) error {
	_, err := a.runReport(ctx, t)
	return err
}

func (a *app) runReport(ctx context.Context, t *transfer) (pipeline.Report, error) {
	defer t.build.close()
	a.wrote = false
	a.event("start", map[string]any{"flow": t.words, "outputs": emptyNotNil(t.outputs)})
	if t.existed == nil {
		t.existed = existing(t.outputs)
	}
	m, report, err := a.attempt(ctx, t)
	for err != nil && t.again != nil {
		next := t.again(err)
		if next == nil {
			break
		}
		t.pipe = next
		m, report, err = a.attempt(ctx, t)
	}
	if err != nil {
		err = t.resumable(explainFailure(err, t))
		if a.flags.noClobber && (errors.Is(err, fs.ErrExist) || refusedWith(http.StatusPreconditionFailed)(err)) {
			err = errSkipped // it came into being meanwhile, or is at the server
		}
	}
	if a.flags.json {
		end := endEvent(exitCode(err), err, &report)
		end["digests"] = digestEvents(t.build.found())
		a.event("end", end)
		a.wrote = true
		return report, err
	}
	if a.flags.verbose && exitCode(err) != exitPipe {
		writeTable(a.err, report, t.build.names(), m.progress(report).summary())
	}
	if err == nil {
		for _, d := range t.build.found() {
			if d.Sum == nil {
				a.note("digest: the flow stopped before the end of the stream: no %s", d.Algorithm)
			} else {
				a.note("digest: %s %s", d.Algorithm, d)
			}
		}
	}
	return report, err
}

// attempt runs a transfer once.
func (a *app) attempt(ctx context.Context, t *transfer) (*monitor, pipeline.Report, error) {
	m := newMonitor(a, t.codec)
	var report pipeline.Report
	run, err := t.pipe.Start(ctx)
	if err == nil {
		m.watch(run.Snapshot)
		report, err = run.Wait()
	}
	m.stop(report, err == nil)
	return m, report, err
}

// resumable says behind an error what is kept, and how to go on.
func (t *transfer) resumable(err error) error {
	if t.kept == nil || err == nil {
		return err
	}
	if kept := t.kept(); kept != "" {
		return &exitError{code: exitCode(err), err: err, hint: kept}
	}
	return err
}

// existing are the outputs that are in place.
func existing(outputs []string) map[string]bool {
	found := make(map[string]bool)
	for _, path := range outputs {
		if _, err := os.Stat(path); err == nil {
			found[path] = true
		}
	}
	return found
}

// explainFailure adds what became of the outputs to the end of a flow that a signal or a limit stopped.
func explainFailure(err error, t *transfer) error {
	if errors.Is(err, sinks.ErrNoReader) {
		return &exitError{code: exitPipe, err: err}
	}
	cause := err
	_, signal := errors.AsType[stoppedBy](err)
	reached, limit := errors.AsType[limitError](err)
	if limit {
		cause = reached // whichever node has found out
	}
	if !signal && !limit {
		return err
	}
	var removed, kept []string
	for _, path := range t.outputs {
		info, err := os.Stat(path)
		switch {
		case err == nil && !overwrites(info):
		case t.kept != nil && !t.existed[path]: // kept tells of it
		case t.existed[path]:
			kept = append(kept, path)
		default:
			removed = append(removed, path)
		}
	}
	var told []string
	if len(removed) > 0 {
		told = append(told, "removed the unfinished "+strings.Join(removed, ", "))
	}
	if len(kept) > 0 {
		told = append(told, strings.Join(kept, ", ")+" is as it was before")
	}
	if len(told) == 0 {
		return cause
	}
	return fmt.Errorf("%w: %s", cause, strings.Join(told, "; "))
}
