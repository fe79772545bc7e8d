package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/pipeline"
)

// A Task is one flow that a command runs, perhaps in several attempts, and what is shown of it.
type Task struct {
	Console  *Console
	Words    []string // the flow as one would write it, without secrets
	Outputs  []Output // the local files that it makes
	Existing Existing
	Codec    bool // it changes the size of the stream, so that the ratio is worth showing

	// These may be set until End.
	Digests func() []flow.Digest // what the flow has found out; nil: it looks for none

	// Partial says what is left of an output that was not there before when the flow has failed with err, and how to
	// resume; "" is nothing. Nil: it leaves nothing.
	Partial func(err error) string

	last Progress
}

// Start announces the task.
func (t *Task) Start() {
	outputs := make([]string, len(t.Outputs))
	for i, o := range t.Outputs {
		outputs[i] = o.Path
	}
	t.Console.Event("start", map[string]any{"flow": t.Words, "outputs": outputs})
}

// Attempt runs a flow of the task, and shows its progress.
func (t *Task) Attempt(ctx context.Context, p *pipeline.Pipeline) (pipeline.Report, error) {
	run, err := p.Start(ctx)
	if err != nil {
		return pipeline.Report{}, err
	}
	m := t.Console.Watch(func() Progress { return t.progress(run.Snapshot()) })
	report, err := run.Wait()
	t.last = t.progress(report)
	m.Stop(t.last, err == nil)
	return report, err
}

func (t *Task) progress(r pipeline.Report) Progress {
	p := ProgressOf(r)
	if !t.Codec {
		p.Written = -1
	}
	return p
}

// End reports the end of the task with the report and the error of its last attempt, and returns the error of the
// command: with what happened to the outputs.
func (t *Task) End(report pipeline.Report, err error) error {
	err = t.explain(err)
	var digests []flow.Digest
	if t.Digests != nil {
		digests = t.Digests()
	}
	c := t.Console
	c.End(err, report, t.last.Summary(), map[string]any{"digests": digestEvents(digests)})
	if err != nil || c.Quiet || c.JSON {
		return err
	}
	for _, d := range digests {
		if d.Sum == nil {
			fmt.Fprintf(c.Err, "digest: the flow stopped before the end of the stream: no %s\n", d.Algorithm)
		} else {
			fmt.Fprintf(c.Err, "digest: %s %s\n", d.Algorithm, d)
		}
	}
	return nil
}

// Run is a task of one attempt.
func (t *Task) Run(ctx context.Context, p *pipeline.Pipeline) (pipeline.Report, error) {
	t.Start()
	report, err := t.Attempt(ctx, p)
	return report, t.End(report, err)
}

// explain adds to the error of a flow what happened to the outputs.
func (t *Task) explain(err error) error {
	if err == nil {
		return nil
	}
	if t.Existing.NoClobber && (errors.Is(err, fs.ErrExist) || refusedWith(http.StatusPreconditionFailed)(err)) {
		return ErrSkipped // it appeared meanwhile, or is at the server
	}
	explained := t.stopped(err)
	if t.Partial == nil {
		return explained
	}
	if hint := t.Partial(err); hint != "" {
		return &Error{Code: ExitCode(explained), Err: explained, Hint: hint}
	}
	return explained
}

// stopped adds to the end of a flow that a signal or a limit stopped which outputs are gone and which are not.
func (t *Task) stopped(err error) error {
	cause := err
	reached, limit := errors.AsType[LimitError](err)
	if limit {
		cause = reached // whichever node has noticed
	}
	if ExitCode(err) == ExitPipe || !limit && !isA[SignalError](err) {
		return err
	}
	var removed, lost, kept, said []string
	for _, o := range t.Outputs {
		switch {
		case isDescriptor(o.Path):
		case !o.Exists() && t.Partial == nil:
			removed = append(removed, o.Path)
		case errors.Is(err, atomicfile.LostError{Path: o.Path}):
			lost = append(lost, o.Path)
		case o.Exists() && o.Loses():
			kept = append(kept, o.Path)
		}
	}
	if len(removed) > 0 {
		said = append(said, "removed the unfinished "+strings.Join(removed, ", "))
	}
	if len(lost) > 0 && limit { // a signal's error says it
		said = append(said, strings.Join(lost, ", ")+" has lost its old content")
	}
	if len(kept) > 0 {
		said = append(said, strings.Join(kept, ", ")+" is as it was before")
	}
	if len(said) == 0 {
		return cause
	}
	return fmt.Errorf("%w: %s", cause, strings.Join(said, "; "))
}
