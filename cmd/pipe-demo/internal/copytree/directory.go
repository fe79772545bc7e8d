package copytree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/filelimit"
	"github.com/weirflow/weir/sinks"
)

// A directory is one of a tree that is copied: open at both ends until the walk has left it and the last file in it is done. In a
// deep tree it may be closed while the walk is below it.
type directory struct {
	copier     *copier
	up         *directory  // nil for the top
	depth      int         // below the top
	name       string      // in up
	from, to   string      // as messages name it
	src, dst   *os.Root    // nil while it is closed
	info       fs.FileInfo // of the source
	attributes attributes  // likewise
	made       fs.FileInfo // of the copy
	fresh      bool        // made by this run, so that nothing is in it
	mode       fs.FileMode // that it gets when all is in it
	chmod      bool        // it has another one until then
	syncs      *syncGroup
	users      atomic.Int64 // the walk, and the files under way
	files      sync.WaitGroup
}

// enter opens the directory called name in up, or the top of a tree, and makes its copy. The caller is its first user.
func (c *copier) enter(up *directory, name, from, to string) (*directory, error) {
	f := &directory{copier: c, up: up, name: name, from: from, to: to}
	openSrc, openDst, mkdir, stat := os.OpenRoot, os.OpenRoot, os.Mkdir, os.Stat
	src, dst := from, to
	if up != nil {
		f.depth = up.depth + 1
		src, dst = name, name
		openSrc, openDst, mkdir, stat = up.src.OpenRoot, up.dst.OpenRoot, up.dst.Mkdir, up.dst.Lstat
	}
	var err error
	if f.src, err = c.openRoot(openSrc, src); err != nil {
		return nil, fmt.Errorf("%s: %w", from, cli.Cause(err))
	}
	if f.info, err = f.src.Stat("."); err == nil {
		err = f.make(dst, mkdir, stat)
	}
	if err == nil {
		if f.dst, err = c.openRoot(openDst, dst); err != nil {
			err = cli.Into(to, err)
		}
	}
	if err == nil && f.fresh && c.Preserve { // while its mode lets nobody in
		if err = dropInherited(f.dst); err != nil {
			err = cli.Into(to, err)
		}
	}
	if err == nil {
		if f.made, err = f.dst.Stat("."); err != nil {
			err = cli.Into(to, err)
		}
	}
	if err == nil && !f.fresh {
		atomicfile.SweepDirectory(f.dst, func(name string) bool {
			_, err := f.src.Lstat(name)
			return err == nil
		})
	}
	if err == nil {
		f.syncs, err = c.syncsFor(f)
	}
	if err == nil && up == nil && f.fresh && f.syncs == nil && c.Sync != sinks.SyncNone {
		if err = syncParent(to); err != nil {
			err = cli.Into(to, err)
		}
	}
	if err != nil {
		f.close()
		return nil, err
	}
	f.users.Store(1)
	return f, nil
}

// make makes the directory at the destination, unless there is one.
func (f *directory) make(name string, mkdir func(string, fs.FileMode) error, stat func(string) (fs.FileInfo, error)) error {
	f.attributes = f.copier.readAttributes(f.copier.ctx, func() (*os.File, error) { return f.src.Open(".") })
	f.mode, f.chmod = f.attributes.narrow(f.info.Mode()), f.copier.Preserve
	passing := f.mode.Perm() | 0o700 // files must get into it
	if f.chmod {
		passing = 0o700 // until its owner is right
	}
	err := mkdir(name, passing)
	info, serr := stat(name)
	switch {
	case err == nil && serr == nil:
		f.fresh = true
		if missing := 0o700 &^ f.mode.Perm(); !f.chmod && missing != 0 {
			f.mode, f.chmod = info.Mode()&^missing, true
		}
		return nil
	case f.up == nil && errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no directory %s", f.to, parent(f.to))
	case err != nil && serr != nil:
		return cli.Into(f.to, err)
	case serr != nil:
		return cli.Into(f.to, serr)
	case info.IsDir():
		return nil
	}
	return cli.Errorf(cli.ExitFailed, "%s: is a directory, %s is not", f.from, f.to)
}

// openRoot opens a directory, and waits for a descriptor if there is none.
func (c *copier) openRoot(open func(string) (*os.Root, error), name string) (root *os.Root, err error) {
	err = filelimit.Retry(c.ctx, func() error {
		root, err = open(name)
		return err
	})
	return root, err
}

// leave closes a directory while the walk is below it, when the files in it are done.
func (f *directory) leave() {
	f.files.Wait()
	f.close()
}

// comeBack opens a directory that was left, by way of those above it.
func (f *directory) comeBack() (err error) {
	if f.src != nil {
		return nil
	}
	if f.up.src == nil {
		if err := f.up.comeBack(); err != nil {
			return err
		}
		defer f.up.close()
	}
	if f.src, err = f.copier.openAgain(f.up.src, f.name, f.from, f.info); err != nil {
		return err
	}
	if f.dst, err = f.copier.openAgain(f.up.dst, f.name, f.to, f.made); err != nil {
		f.close()
	}
	return err
}

// openAgain opens a directory that was open before.
func (c *copier) openAgain(in *os.Root, name, path string, before fs.FileInfo) (*os.Root, error) {
	root, err := c.openRoot(in.OpenRoot, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, cli.Cause(err))
	}
	if info, err := root.Stat("."); err != nil || !os.SameFile(info, before) {
		root.Close()
		return nil, cli.Errorf(cli.ExitFailed, "%s: another directory has taken its place during the copy", path)
	}
	return root, nil
}

// done ends one use of the directory. The last one gives it its mode and times: nothing is made in it any more.
func (f *directory) done() {
	if f.users.Add(-1) > 0 || f.dst == nil { // the walk could not come back to it
		return
	}
	if err := f.finish(); err != nil {
		f.copier.fail(f.copier.nextPlace(), cli.Into(f.to, err))
	}
	f.close()
}

func (f *directory) finish() error {
	if f.syncs == nil && f.copier.Sync != sinks.SyncNone {
		if err := syncDirectory(f.dst); err != nil {
			return err
		}
	}
	if !f.chmod {
		return nil
	}
	mode := f.mode
	if f.copier.Preserve {
		var err error
		if mode, err = keepOwner(f.dst, ".", f.info); err != nil {
			return err
		}
		mode = f.attributes.narrow(mode)
	}
	if err := f.dst.Chmod(".", mode); err != nil { // after chown, which clears bits
		return err
	}
	if !f.copier.Preserve {
		return nil
	}
	dst, err := f.dst.Open(".")
	if err != nil {
		return err
	}
	for _, lost := range f.attributes.give(dst) {
		f.copier.warn(f.to, lost)
	}
	dst.Close()
	if err := keepTimes(f.dst, ".", f.info); err != nil {
		return err
	}
	copied, err := f.dst.Stat(".")
	if err != nil {
		return err
	}
	if lost := lostTime(f.info, copied); lost != nil {
		f.copier.warn(f.to, lost)
	}
	return nil
}

func (f *directory) close() {
	for _, r := range []*os.Root{f.src, f.dst} {
		if r != nil {
			r.Close()
		}
	}
	f.src, f.dst = nil, nil
}
