package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// A copyJob is one file on its way.
type copyJob struct {
	src, dst string      // as messages name them; paths, or "-"
	info     fs.FileInfo // of the source; nil for standard input
	up       *folder     // the folder that both are in, when a tree is copied
	opts     *copyOptions
	force    bool
	pace     pipeline.Stage // the limit of all files together; may be the identity
	checks   []func(context.Context, *os.File) error
	settle   func(context.Context) error // called before the copy appears; may be nil
	resumed  int64                       // bytes that an earlier run has left
}

// onePiece is the size up to which a file is read at once, so that it cannot grow meanwhile.
const onePiece = 64 << 10

// names are those of the source and the destination for the library: in their folders, if the job has one.
func (j *copyJob) names() (src, dst string, srcRoot, dstRoot *os.Root) {
	if j.up == nil {
		return j.src, j.dst, nil, nil
	}
	return filepath.Base(j.src), filepath.Base(j.dst), j.up.src, j.up.dst
}

// pipeline is the job's flow. Labels and digests go to b.
func (j *copyJob) pipeline(ctx context.Context, b *build) (*pipeline.Pipeline, error) {
	from, to, srcRoot, dstRoot := j.names()
	options := sinks.FileOptions{NoClobber: !j.force, Root: dstRoot, Sync: j.opts.sync()}
	if j.settle != nil {
		options.Sync = sinks.SyncNone // many files are settled at once
	}
	if j.info != nil && j.info.Mode().IsRegular() {
		options.Mode = j.info.Mode().Perm()
		options.Sparse = isSparse(j.info) && (b.limitRate > 0 || j.opts.verify) // a stage between fills the holes
		if j.opts.preserve {
			options.ModTime, options.AccessTime, options.Owner = j.info.ModTime(), accessTime(j.info), owner(j.info)
		}
		if j.opts.resume {
			left, n, err := sinks.Partial(dstRoot, to)
			if err != nil {
				return nil, err
			}
			if left == fingerprint(j.src, j.info) {
				j.resumed = n
			}
		}
	}
	src := sources.Stdin()
	if j.src != "-" {
		src = sources.FileWith(from, sources.FileOptions{Root: srcRoot, Offset: j.resumed})
	}
	b.labels = append(b.labels, j.src)
	if b.limitRate > 0 {
		src = src.Via(j.pace)
		b.labels = append(b.labels, "limit")
	}
	var sink pipeline.Sink
	switch {
	case j.dst == "-":
		sink = sinks.Stdout()
		if b.terminal && !b.force {
			src = src.Via(textOnly())
			b.labels = append(b.labels, "terminal")
		}
	default:
		if j.opts.verify {
			v := &verifier{job: j}
			if err := v.begin(ctx); err != nil {
				return nil, err
			}
			src = src.Via(v.stage(b))
			b.labels = append(b.labels, "digest")
			j.checks = append(j.checks, v.check)
		}
		options.Check = j.check
		sink = sinks.FileWith(to, options)
		if j.opts.resume && j.info != nil && j.info.Mode().IsRegular() {
			sink = sinks.Resume(to, fingerprint(j.src, j.info), j.resumed, options)
		}
	}
	b.labels = append(b.labels, j.dst)
	return src.To(sink), nil
}

// check is called when f has all of the copy, which has not appeared yet.
func (j *copyJob) check(ctx context.Context, f *os.File) error {
	if err := j.checkSize(f); err != nil {
		return err
	}
	for _, check := range j.checks {
		if err := check(ctx, f); err != nil {
			return err
		}
	}
	if j.settle == nil {
		return nil
	}
	return j.settle(ctx) // others copy until what this job has written will last
}

// checkSize fails if the source is longer than what was copied of it. One that has become shorter is found by the
// source itself.
func (j *copyJob) checkSize(f *os.File) error {
	if j.info == nil || !j.info.Mode().IsRegular() || j.info.Size() <= onePiece {
		return nil
	}
	copied, err := f.Stat()
	if err != nil {
		return err
	}
	from, _, root, _ := j.names()
	stat := os.Stat
	if root != nil {
		stat = root.Lstat
	}
	now, err := stat(from)
	if err != nil || now.Size() <= copied.Size() || !os.SameFile(now, j.info) {
		return nil // it was moved or replaced, and what was read is the old one
	}
	return &exitError{code: exitIntegrity, err: fmt.Errorf("%s: grew from %d to %d bytes while it was read", j.src, copied.Size(), now.Size()),
		hint: "copy it when nobody writes to it"}
}

// copyOne copies one file, and tells of it as of any flow.
func (a *app) copyOne(ctx context.Context, c fileCopy, rule outputRule, opts copyOptions) error {
	info, err := c.check(rule)
	if errors.Is(err, errSkipped) {
		a.note("pipe-demo: %s: exists already, skipped", text.Printable(c.dst))
	}
	if err != nil {
		return err
	}
	b := a.newBuild(ctx)
	j := &copyJob{src: c.src, dst: c.dst, info: info, opts: &opts, force: rule.force, pace: b.limit()}
	t := &transfer{words: []string{c.src, "!", c.dst}, build: b}
	if c.dst != "-" {
		t.outputs, t.existed = []string{c.dst}, map[string]bool{c.dst: c.there.exists()}
	}
	if t.pipe, err = j.pipeline(ctx, b); err != nil {
		return err
	}
	if j.resumed > 0 {
		a.note("pipe-demo: %s: goes on behind the %s that an earlier run has copied", text.Printable(c.dst), text.Size(j.resumed))
	}
	if opts.resume {
		t.kept = func() string { return j.kept() }
	}
	if err := a.run(ctx, t); err != nil {
		return j.explain(err)
	}
	return j.finish()
}

// finish gives a copy that is in place what its sink cannot.
func (j *copyJob) finish() error {
	if !j.opts.preserve || j.info == nil || j.info.Mode()&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) == 0 || j.dst == "-" {
		return nil
	}
	_, name, _, root := j.names()
	if err := keepSpecialBits(root, name, j.info); err != nil {
		return fmt.Errorf("%s: is in place, but not with its mode: %w", j.dst, bareCause(err))
	}
	return nil
}

// explain gives a failure of the flow the names and the code that the user knows.
func (j *copyJob) explain(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok && j.up != nil {
		if pe.Path == filepath.Base(j.src) && j.fromSource(pe) {
			return fmt.Errorf("%s: %w", j.src, pe.Err)
		}
		pe.Path = j.dst
	}
	return err
}

// fromSource says whether a failure in a tree, where both ends have one name, came from the source.
func (j *copyJob) fromSource(pe *fs.PathError) bool {
	if strings.HasPrefix(pe.Op, "open") {
		f, err := j.up.src.Open(filepath.Base(j.src))
		if err == nil {
			f.Close()
		}
		return err != nil
	}
	return pe.Op == "read" || pe.Op == "seek"
}
