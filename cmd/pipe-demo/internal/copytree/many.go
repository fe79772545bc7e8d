package copytree

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/text"
)

// copyMany copies several sources, or trees, and reports all of them as one flow.
func (o *Copy) copyMany(ctx context.Context, copies []fileCopy) error {
	c := newCopier(ctx, o)
	var words, outputs []string
	for _, f := range copies {
		words, outputs = append(words, f.src), append(outputs, f.dst)
	}
	dst := copies[0].dst
	if len(copies) > 1 {
		dst = cli.Dir(dst)
	}
	o.Console.Event("start", map[string]any{"flow": append(words, "!", dst), "outputs": outputs})
	m := o.Console.Watch(c.tally.progress)
	scanned, stopScan := context.WithCancel(ctx)
	var scan errgroup.Group
	if m.Shown() {
		scan.Go(func() error { c.tally.setTotal(sizeOf(scanned, copies)); return nil })
	}
	c.run(copies)
	stopScan()
	scan.Wait()
	progress := c.tally.progress()
	failed := c.tally.failures()
	err := c.conclude(failed, copies)
	m.Stop(progress, err == nil)

	report := c.tally.snapshot()
	if nodes := report.Nodes; len(nodes) > 0 { // of the flows of all files
		nodes[0].Name, nodes[len(nodes)-1].Name = "the sources", dst
	}
	o.Console.End(err, report, c.tally.summary()+": "+progress.Summary(), c.tally.event())
	if o.Console.JSON {
		return err
	}
	o.Console.Failures(failed)
	if n := c.tally.skipped; n > 0 {
		verb := "exist"
		if n == 1 {
			verb = "exists"
		}
		o.Console.Note("%s %s already, skipped", text.Plural(n, "file"), verb)
	}
	return err
}

// conclude is the error of the command: with the exit code of the first failure, or of a copy that is corrupt, if there is
// one.
func (c *copier) conclude(failed []error, copies []fileCopy) error {
	if c.ctx.Err() != nil {
		return c.stopped(copies)
	}
	if len(failed) == 0 {
		return nil
	}
	code := cli.ExitCode(failed[0])
	if slices.ContainsFunc(failed, func(err error) bool { return cli.ExitCode(err) == cli.ExitIntegrity }) {
		code = cli.ExitIntegrity
	}
	err := fmt.Errorf("%s", c.tally.summary())
	if c.tally.met() == len(failed) && len(failed) == 1 {
		err = cli.ErrReported // the list is complete
	}
	e := &cli.Error{Code: code, Err: err}
	if c.Resume {
		e.Hint = "resume with: " + c.resumeTree(copies)
	}
	return e
}

// stopped is the end by a signal or a limit.
func (c *copier) stopped(copies []fileCopy) error {
	cause := context.Cause(c.ctx)
	if c.Resume {
		return cli.Errorf(cli.ExitCode(cause), "%w: %s; unfinished files are kept as .NAME.part", cause, c.tally.summary()).
			WithHint("resume with: " + c.resumeTree(copies))
	}
	return fmt.Errorf("%w: %s; no unfinished file is left", cause, c.tally.summary())
}
