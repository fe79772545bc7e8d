package copytree

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/internal/filelimit"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// A job is the copy of one file.
type job struct {
	*Copy
	src, dst string                      // as messages name them; paths, or "-"
	info     fs.FileInfo                 // of the source; nil for standard input
	up       *directory                  // the directories that both are in, when a tree is copied
	pace     pipeline.Stage              // the limit of all files together; may be the identity
	read     hash.Hash                   // with Verify: of what the source had
	digests  []flow.Digest               // that have been verified
	settle   func(context.Context) error // called before the copy appears; may be nil
	identity string                      // with Resume: the fingerprint of the source as it was before it was read; "": none
	resumed  int64                       // bytes that an earlier run has left

	attributes attributes // of the source
	closed     bool       // the source's mode is 0
}

// names are those of the source and the destination for the library: in their directories, if the job has them.
func (j *job) names() (src, dst string, srcRoot, dstRoot *os.Root) {
	if j.up == nil {
		return j.src, j.dst, nil, nil
	}
	return filepath.Base(j.src), filepath.Base(j.dst), j.up.src, j.up.dst
}

// pipeline is the job's flow.
func (j *job) pipeline(ctx context.Context) (*pipeline.Pipeline, error) {
	from, to, srcRoot, dstRoot := j.names()
	options := j.Existing.FileOptions(j.Console, j.dst)
	options.Root, options.Sync = dstRoot, j.Sync
	if j.settle != nil {
		options.Sync = sinks.SyncNone // many files are settled at once
	}
	if j.info != nil && j.info.Mode().IsRegular() {
		j.attributes = j.readAttributes(ctx, j.openSource)
		options.Mode = j.attributes.narrow(j.info.Mode().Perm())
		if j.closed = options.Mode == 0; j.closed {
			options.Mode = 0o600 // until check: 0 is the default
		}
		options.Sparse = isSparse(j.info) && (j.Limits.Rate > 0 || j.Verify) // a stage between fills the holes
		if j.Preserve {
			options.ModTime, options.AccessTime, options.Owner = j.info.ModTime(), accessTime(j.info), owner(j.info)
		}
		if j.Resume {
			if err := filelimit.Retry(ctx, func() error { return j.findPartial(dstRoot, to) }); err != nil {
				return nil, err
			}
		}
	}
	src := sources.StdinWith(sources.StdinOptions{MayChange: j.MayChange})
	if j.src != "-" {
		src = sources.FileWith(from, sources.FileOptions{Root: srcRoot, Offset: j.resumed, MayChange: j.MayChange})
	}
	if j.Limits.Rate > 0 {
		src = src.Via(j.pace)
	}
	var sink pipeline.Sink
	if j.dst == "-" {
		sink = sinks.Stdout()
		if s := j.Console.TextOnly(j.Existing.Force); !s.IsZero() {
			src = src.Via(s)
		}
	} else {
		if j.Verify {
			if err := j.beginVerify(ctx); err != nil {
				return nil, err
			}
			src = src.Via(j.hash())
		}
		options.Check = j.check
		sink = j.Existing.FileSink(to, options)
		if j.identity != "" {
			sink = sinks.Resume(to, j.identity, j.resumed, options)
		}
	}
	return src.To(sink), nil
}

// openSource opens a regular source.
func (j *job) openSource() (*os.File, error) {
	from, _, root, _ := j.names()
	if root != nil {
		return root.OpenFile(from, os.O_RDONLY|nonblock, 0)
	}
	return os.OpenFile(from, os.O_RDONLY|nonblock, 0)
}

// refused is an error of the flow with its hint, if it is about a source that may not be read.
func (j *job) refused(err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	f, oerr := j.openSource()
	if oerr == nil {
		f.Close()
	}
	if errors.Is(oerr, fs.ErrPermission) {
		return &cli.Error{Code: cli.ExitCode(err), Err: err, Hint: cli.MayNotRead}
	}
	return err
}

// giveAttributes gives the copy in f what its sink cannot, before it appears. The sink has synced it already, with a mode that
// is not wider.
func (j *job) giveAttributes(f *os.File) error {
	if j.closed {
		if err := f.Chmod(0); err != nil {
			return err
		}
	}
	if j.Preserve {
		for _, lost := range j.attributes.give(f) {
			j.warn(j.dst, lost)
		}
		copied, err := f.Stat()
		if err != nil {
			return err
		}
		if copied.Mode().IsRegular() && j.info != nil && j.info.Mode().IsRegular() {
			if lost := lostTime(j.info, copied); lost != nil {
				j.warn(j.dst, lost)
			}
		}
	}
	return nil
}

// warn says what is not as the source.
func (o *Copy) warn(dst string, lost error) { o.Console.Warning(dst, lost.Error()) }

// check is called when f has all of the copy, which has not appeared yet.
func (j *job) check(ctx context.Context, f *os.File) error {
	if j.read != nil {
		if err := j.verify(ctx, f); err != nil {
			return err
		}
	}
	if err := j.giveAttributes(f); err != nil {
		return err
	}
	if j.settle == nil {
		return nil
	}
	return j.settle(ctx) // others copy until this file is durable
}

// copyOne copies one file, and reports it as any flow is reported.
func (o *Copy) copyOne(ctx context.Context, c fileCopy) error {
	info, err := c.check(o.Existing)
	if errors.Is(err, cli.ErrSkipped) {
		o.Console.Note("%s: exists already, skipped", c.dst)
	}
	if err != nil {
		return err
	}
	j := &job{Copy: o, src: c.src, dst: c.dst, info: info, pace: o.Limits.Stage()}
	pipe, err := j.pipeline(ctx)
	if err != nil {
		return err
	}
	if j.resumed > 0 {
		o.Console.Note("%s: resuming at %s", c.dst, text.Size(j.resumed))
	}
	t := &cli.Task{Console: o.Console, Words: []string{c.src, "!", c.dst}, Existing: o.Existing,
		Digests: func() []flow.Digest { return j.digests }}
	if c.dst != "-" {
		t.Outputs = []cli.Output{c.there}
	}
	if o.Resume {
		t.Partial = j.kept
	}
	if _, err := t.Run(ctx, pipe); err != nil {
		return err
	}
	return j.finish()
}

// finish gives a copy that is in place what its sink cannot.
func (j *job) finish() error {
	if j.read != nil && j.digests[0].Sum == nil { // a device, or the like
		return cli.Errorf(cli.ExitIntegrity, "%s: was written, and is not verified: what it was given cannot be read again", j.dst)
	}
	if !j.Preserve || j.info == nil || j.info.Mode()&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) == 0 || j.dst == "-" {
		return nil
	}
	_, name, _, root := j.names()
	if err := keepSpecialBits(root, name, j.info); err != nil {
		return fmt.Errorf("%s: is in place, but not with its mode: %w", j.dst, cli.Cause(err))
	}
	return nil
}
