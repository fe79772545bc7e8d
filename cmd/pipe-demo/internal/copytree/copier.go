package copytree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/filelimit"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
)

// A copier copies several files, or trees of them, some at a time. One that fails does not keep the others from being
// copied, but a signal or a limit does.
type copier struct {
	*Copy
	ctx   context.Context
	pace  pipeline.Stage
	tally tally

	jobs    errgroup.Group        // filesAtOnce at most
	open    int                   // how deep the directories above the one that is walked stay open
	slots   chan struct{}         // held by the files that are being copied, and not by those that wait for a sync
	syncs   map[uint64]*syncGroup // by device
	syncing errgroup.Group
	place   atomic.Int64 // of the file met last

	claims map[string]claim // by destination; nil if no two sources can become the same
}

// A claim is what has become a destination in this run.
type claim struct {
	src       string
	directory bool
}

const (
	filesAtOnce = 256  // how many files may be under way, most of them waiting for a sync
	openAtOnce  = 4096 // how many directories of a path may be open

	fileDescriptors      = 8 // that a file under way may hold
	directoryDescriptors = 2 // that a directory holds
)

func newCopier(ctx context.Context, o *Copy) *copier {
	c := &copier{Copy: o, ctx: ctx, syncs: make(map[uint64]*syncGroup), slots: make(chan struct{}, 2*runtime.GOMAXPROCS(0))}
	// A quarter of the descriptors is for directories.
	if o.merges {
		c.claims = make(map[string]claim)
	}
	c.jobs.SetLimit(filelimit.Fit(filesAtOnce, fileDescriptors*4/3))
	c.open = filelimit.Fit(openAtOnce, directoryDescriptors*4)
	c.tally = tally{start: time.Now(), live: make(map[*pipeline.Run]struct{}), total: -1}
	if o.Limits.Rate > 0 {
		c.pace = sharedLimit(int64(o.Limits.Rate))
	}
	return c
}

func (c *copier) nextPlace() int {
	return int(c.place.Add(1))
}

// run copies all, and returns when it is done.
func (c *copier) run(copies []fileCopy) {
	for _, f := range copies {
		if c.ctx.Err() != nil {
			break
		}
		if err := c.begin(f); err != nil {
			c.fail(c.nextPlace(), err)
		}
	}
	c.jobs.Wait()
	c.syncing.Wait()
	if err := c.lastSync(); err != nil {
		c.fail(c.nextPlace(), err)
	}
}

// fail records a failure, unless it only follows from the end of the whole.
func (c *copier) fail(place int, err error) {
	switch {
	case c.ctx.Err() != nil && errors.Is(err, context.Cause(c.ctx)):
		return
	case errors.Is(err, cli.ErrSkipped), c.Existing.NoClobber && errors.Is(err, fs.ErrExist):
		c.tally.count(&c.tally.skipped)
		return
	}
	c.tally.fail(place, err)
	c.Console.Warn(cli.Message(err), cli.ExitCode(err))
}

// begin starts with a source of the command line.
func (c *copier) begin(f fileCopy) error {
	if err := c.into.Check(); err != nil {
		return fmt.Errorf("%s: %w", f.dst, err)
	}
	info, err := os.Lstat(f.src)
	switch {
	case f.tree && err == nil && info.IsDir():
		if err := c.claim(f.src, f.dst, true); err != nil {
			return err
		}
		top, err := c.enter(nil, "", f.src, f.dst)
		if err != nil {
			return err
		}
		c.walk(top)
		return nil
	case f.tree && err == nil:
		if err := c.claim(f.src, f.dst, false); err != nil {
			return err
		}
		return c.topLink(f)
	}
	if info, err = f.check(c.Existing); err != nil {
		return err
	}
	if err := c.claim(f.src, f.dst, false); err != nil {
		return err
	}
	j := c.job(nil, f.src, f.dst)
	j.info = info
	var syncs *syncGroup
	if c.Sync != sinks.SyncNone {
		dir, err := os.Open(cli.Dir(f.dst))
		if err == nil {
			syncs, err = c.syncsOf(dir, cli.Dir(f.dst))
		}
		if err != nil {
			syncs = nil // a directory that cannot be read: the file is synced by itself
		}
	}
	c.start(j, syncs)
	return nil
}

func (c *copier) job(up *directory, src, dst string) *job {
	return &job{Copy: c.Copy, src: src, dst: dst, up: up, pace: c.pace}
}

// walk copies what is in a directory, and ends its use.
func (c *copier) walk(f *directory) {
	defer f.done()
	dir, err := f.src.Open(".")
	if err != nil {
		c.fail(c.nextPlace(), fmt.Errorf("%s: %w", f.from, cli.Cause(err)))
		return
	}
	var directories []string
	for err == nil && c.ctx.Err() == nil {
		var entries []fs.DirEntry
		entries, err = dir.ReadDir(1000)
		for _, e := range entries {
			if c.ctx.Err() != nil {
				break
			}
			if e.IsDir() {
				directories = append(directories, e.Name())
			} else {
				c.meet(f, e)
			}
		}
	}
	dir.Close()
	if err != nil && err != io.EOF { //nolint:errorlint // ReadDir returns it bare
		c.fail(c.nextPlace(), fmt.Errorf("%s: %w", f.from, cli.Cause(err)))
	}
	for _, name := range directories {
		if c.ctx.Err() != nil {
			return
		}
		src, dst := cli.JoinPath(f.from, name), cli.JoinPath(f.to, name)
		err := c.claim(src, dst, true)
		var inner *directory
		if err == nil {
			inner, err = c.enter(f, name, src, dst)
		}
		if err != nil {
			c.fail(c.nextPlace(), err)
			continue
		}
		if f.depth >= c.open {
			f.leave()
		}
		c.walk(inner)
		if err := f.comeBack(); err != nil {
			c.fail(c.nextPlace(), err)
			return
		}
	}
}

// meet copies what is not a directory.
func (c *copier) meet(f *directory, e fs.DirEntry) {
	src, dst := cli.JoinPath(f.from, e.Name()), cli.JoinPath(f.to, e.Name())
	regular, link := e.Type().IsRegular(), e.Type()&fs.ModeSymlink != 0
	if !regular && !link {
		c.tally.count(&c.tally.special)
		c.Console.Warning(src, "is "+specialName(e.Type())+", skipped")
		return
	}
	if err := c.claim(src, dst, false); err != nil {
		c.fail(c.nextPlace(), err)
		return
	}
	if link {
		if err := c.link(f.src, f.dst, e.Name(), e.Name(), src, dst); err != nil {
			c.fail(c.nextPlace(), err)
		} else {
			c.tally.count(&c.tally.done)
		}
		return
	}
	j := c.job(f, src, dst)
	var err error
	if j.info, err = e.Info(); err != nil {
		c.fail(c.nextPlace(), fmt.Errorf("%s: %w", src, cli.Cause(err)))
		return
	}
	f.users.Add(1)
	f.files.Add(1)
	c.start(j, f.syncs)
}

// claim notes that a source becomes dst, and fails if another one has become it in this run. It does not look at dst, where what was
// claimed may be yet to appear. Two directories become one.
func (c *copier) claim(src, dst string, directory bool) error {
	if c.claims == nil {
		return nil
	}
	before, taken := c.claims[dst]
	switch {
	case !taken:
		c.claims[dst] = claim{src, directory}
	case !before.directory || !directory:
		return cli.Errorf(cli.ExitFailed, "%s: %s has just become %s, which is not replaced by another source", src, before.src, dst)
	}
	return nil
}

func specialName(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "not a regular file"
}

// start copies a file, beside others.
func (c *copier) start(j *job, syncs *syncGroup) {
	place := c.nextPlace()
	c.slots <- struct{}{}
	c.jobs.Go(func() error {
		if syncs != nil {
			j.settle = func(ctx context.Context) error {
				<-c.slots // so that others copy meanwhile
				defer func() { c.slots <- struct{}{} }()
				return syncs.wait(ctx)
			}
		}
		err := c.file(j)
		<-c.slots
		if err != nil {
			c.fail(place, err)
		} else {
			c.tally.count(&c.tally.done)
		}
		if j.up != nil {
			j.up.files.Done()
			j.up.done()
		}
		return nil
	})
}

func (c *copier) file(j *job) error {
	if j.up == nil {
		if err := c.into.Check(); err != nil {
			return fmt.Errorf("%s: %w", j.dst, err)
		}
	}
	if j.up != nil && !j.up.fresh {
		_, to, _, root := j.names()
		if err := mayReplace(root, to, j.dst, j.src, j.info, c.Existing); err != nil {
			return err
		}
	}
	pipe, err := j.pipeline(c.ctx)
	if err != nil {
		return err
	}
	run, err := pipe.Start(c.ctx)
	if err != nil {
		return err
	}
	c.tally.begin(run)
	report, err := run.Wait()
	c.tally.end(run, report)
	if err != nil {
		return j.refused(err)
	}
	return j.finish()
}

// mayReplace fails if something in a tree may not take a name.
func mayReplace(root *os.Root, name, dst, src string, info fs.FileInfo, existing cli.Existing) error {
	there, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return cli.Into(dst, err)
	}
	at, err := root.Stat(name)
	switch {
	case err == nil && os.SameFile(at, info):
		return sameFile(dst, src)
	case there.IsDir():
		return fmt.Errorf("%s: is a directory, %s is not", dst, src)
	}
	return existing.Replace(dst)
}
