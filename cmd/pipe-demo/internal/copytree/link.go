package copytree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/sinks"
)

// topLink copies a link of the command line.
func (c *copier) topLink(f fileCopy) error {
	src, err := os.OpenRoot(cli.Dir(f.src))
	if err != nil {
		return fmt.Errorf("%s: %w", f.src, cli.Cause(err))
	}
	defer src.Close()
	dst, err := os.OpenRoot(cli.Dir(f.dst))
	if err != nil {
		return cli.Into(f.dst, err)
	}
	defer dst.Close()
	atomicfile.SweepDirectory(dst, func(name string) bool { return name == filepath.Base(f.dst) })
	if err := c.link(src, dst, filepath.Base(f.src), filepath.Base(f.dst), f.src, f.dst); err != nil {
		return err
	}
	if c.Sync != sinks.SyncNone { // by itself: there may be no group
		if err := syncDirectory(dst); err != nil {
			return cli.Into(f.dst, err)
		}
	}
	c.tally.count(&c.tally.done)
	return nil
}

// link copies a symbolic link as a link.
func (c *copier) link(src, dst *os.Root, from, to, srcPath, dstPath string) error {
	info, err := src.Lstat(from)
	if err != nil {
		return fmt.Errorf("%s: %w", srcPath, cli.Cause(err))
	}
	target, err := src.Readlink(from)
	if err != nil {
		return fmt.Errorf("%s: %w", srcPath, cli.Cause(err))
	}
	err = dst.Symlink(target, to)
	if errors.Is(err, fs.ErrExist) {
		there, serr := dst.Lstat(to)
		if serr == nil && os.SameFile(there, info) {
			return sameFile(dstPath, srcPath)
		}
		if err := mayReplace(dst, to, dstPath, srcPath, info, c.Existing); err != nil {
			return err
		}
		err = atomicfile.ReplaceLink(dst, target, to)
	}
	if err != nil {
		return cli.Into(dstPath, err)
	}
	if c.Preserve {
		if _, err := keepOwner(dst, to, info); err != nil {
			return cli.Into(dstPath, err)
		}
		if err := keepTimes(dst, to, info); err != nil {
			return cli.Into(dstPath, err)
		}
		copied, err := dst.Lstat(to)
		if err != nil {
			return cli.Into(dstPath, err)
		}
		if lost := lostTime(info, copied); lost != nil {
			c.warn(dstPath, lost)
		}
	}
	return nil
}
