package main

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/internal/text"
)

// failuresShown is how many failures are told one by one.
const failuresShown = 50

// copyMany copies several sources, or trees, and tells of all of them at once.
func (a *app) copyMany(ctx context.Context, copies []fileCopy, rule outputRule, opts copyOptions) error {
	c := a.newCopier(ctx, rule, &opts)
	var words, outputs []string
	for _, f := range copies {
		words, outputs = append(words, f.src), append(outputs, f.dst)
	}
	words = append(words, "!", copies[0].dst)
	if len(copies) > 1 {
		words[len(words)-1] = parentOf(copies[0].dst)
	}
	a.event("start", map[string]any{"flow": words, "outputs": outputs})
	m := newMonitor(a, false)
	m.files = c.tally.doneFiles
	m.watch(c.tally.snapshot)
	scanned, stopScan := context.WithCancel(ctx)
	var scan errgroup.Group
	if m.every > 0 {
		scan.Go(func() error { c.scan(scanned, copies); return nil })
	}
	c.copy(copies)
	stopScan()
	scan.Wait()
	report := c.tally.snapshot()
	failed := c.tally.failures()
	err := c.conclude(failed, copies)
	m.stop(report, err == nil)

	if a.flags.json {
		end := endEvent(exitCode(err), err, &report)
		c.tally.fill(end, failed)
		a.event("end", end)
		a.wrote = true
		return err
	}
	labels := []string{"the sources"}
	if a.flags.limitRate > 0 {
		labels = append(labels, "limit")
	}
	if opts.verify {
		labels = append(labels, "digest")
	}
	if a.flags.verbose && exitCode(err) != exitPipe {
		writeTable(a.err, report, append(labels, words[len(words)-1]), c.tally.summary()+": "+m.progress(report).summary())
	}
	a.list(failed)
	if n := c.tally.skipped; n > 0 {
		a.note("pipe-demo: %s there already, skipped", text.Plural(n, "file"))
	}
	return err
}

// list tells of failures, and of each hint once.
func (a *app) list(failed []error) {
	var hints []string
	for i, err := range failed {
		if i == failuresShown {
			fmt.Fprintf(a.err, "pipe-demo: and %d more\n", len(failed)-i)
			break
		}
		fmt.Fprintf(a.err, "pipe-demo: %s\n", text.Printable(message(err)))
		if hint := hintFor(err); hint != "" && !slices.Contains(hints, hint) {
			hints = append(hints, hint)
			a.hint(hint)
		}
	}
}

// conclude is how the command ends: as its first failure did, but a copy that is not what was read comes before all others.
func (c *copier) conclude(failed []error, copies []fileCopy) error {
	if c.ctx.Err() != nil {
		return c.stopped(copies)
	}
	if len(failed) == 0 {
		return nil
	}
	code := exitCode(failed[0])
	if slices.ContainsFunc(failed, func(err error) bool { return exitCode(err) == exitIntegrity }) {
		code = exitIntegrity
	}
	err := fmt.Errorf("%s", c.tally.summary())
	if c.tally.met() == len(failed) && len(failed) == 1 {
		err = errReported // the list has said all
	}
	e := &exitError{code: code, err: err}
	if c.opts.resume {
		e.hint = "to go on: " + againTree(copies, c.rule)
	}
	return e
}

// stopped is the end by a signal or a limit.
func (c *copier) stopped(copies []fileCopy) error {
	cause := context.Cause(c.ctx)
	if c.opts.resume {
		return &exitError{code: exitCode(cause), err: fmt.Errorf("%w: %s; what was under way is kept in .NAME.part files", cause, c.tally.summary()),
			hint: "to go on: " + againTree(copies, c.rule)}
	}
	return fmt.Errorf("%w: %s; nothing unfinished is left", cause, c.tally.summary())
}

// scan adds up the sizes of all files, so that the progress has a percentage. It stays unknown when something cannot be
// read.
func (c *copier) scan(ctx context.Context, copies []fileCopy) {
	var total int64
	for _, f := range copies {
		err := filepath.WalkDir(f.src, func(_ string, e fs.DirEntry, err error) error {
			if err != nil || ctx.Err() != nil {
				return fs.SkipAll
			}
			if e.Type().IsRegular() {
				info, err := e.Info()
				if err != nil {
					return fs.SkipAll
				}
				total += info.Size()
			}
			return nil
		})
		if err != nil || ctx.Err() != nil {
			return
		}
	}
	c.tally.setTotal(total)
}
