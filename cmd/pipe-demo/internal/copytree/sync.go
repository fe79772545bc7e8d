package copytree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"syscall"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/sinks"
)

// A syncGroup makes the content of many files durable, with one call for all that wait at the time: a call for each
// file would take most of the time of a tree of small ones. Where the system has no such call there is no group, and each
// file is synced by itself.
type syncGroup struct {
	dir  *os.File           // any directory of the file system
	sync func() error       // syncs the file system of dir
	run  func(func() error) // starts a goroutine that the copier waits for

	mu   sync.Mutex
	next *syncRound // begins when the one that runs is over
	busy bool
}

type syncRound struct {
	over chan struct{}
	err  error
}

// wait returns when all that was written before it was called is durable.
func (g *syncGroup) wait(ctx context.Context) error {
	g.mu.Lock()
	if g.next == nil {
		g.next = &syncRound{over: make(chan struct{})}
	}
	round, first := g.next, !g.busy
	g.busy = true
	g.mu.Unlock()
	if first {
		g.run(g.rounds)
	}
	select {
	case <-round.over:
		return round.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// rounds syncs until no file waits.
func (g *syncGroup) rounds() error {
	for {
		g.mu.Lock()
		round := g.next
		g.next, g.busy = nil, round != nil
		g.mu.Unlock()
		if round == nil {
			return nil
		}
		round.err = g.sync()
		close(round.over)
	}
}

// syncsFor is the group of a directory's file system; nil where there is none to be used.
func (c *copier) syncsFor(f *directory) (*syncGroup, error) {
	if c.Sync == sinks.SyncNone {
		return nil, nil
	}
	if f.fresh && f.up != nil {
		return f.up.syncs, nil
	}
	dir, err := f.dst.Open(".")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.to, cli.Cause(err))
	}
	return c.syncsOf(dir, f.to)
}

// syncsOf finds the group of an open directory, which it takes over.
func (c *copier) syncsOf(dir *os.File, path string) (*syncGroup, error) {
	info, err := dir.Stat()
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	if g, known := c.syncs[device(info)]; known {
		return g, dir.Close()
	}
	if !syncsFileSystem(dir) {
		c.syncs[device(info)] = nil
		return nil, dir.Close()
	}
	g := &syncGroup{dir: dir, run: c.syncing.Go, sync: func() error {
		if err := syncFileSystem(dir); err != nil {
			return fmt.Errorf("sync %s: %w", path, cli.Cause(err))
		}
		return nil
	}}
	c.syncs[device(info)] = g
	return g, nil
}

// lastSync makes the names of the files durable, too.
func (c *copier) lastSync() error {
	var failed error
	for _, g := range c.syncs {
		if g == nil {
			continue
		}
		if err := g.sync(); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%w: the copies are in place, but may be lost if the system crashes now", err))
		}
		g.dir.Close()
	}
	return failed
}

// syncParent makes the name of a new directory durable.
func syncParent(path string) error {
	root, err := os.OpenRoot(parent(path))
	if errors.Is(err, fs.ErrPermission) {
		return nil // as in syncDirectory
	}
	if err != nil {
		return err
	}
	defer root.Close()
	return syncDirectory(root)
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(root *os.Root) error {
	if runtime.GOOS == "windows" { // where directories cannot be synced
		return nil
	}
	dir, err := root.Open(".")
	if errors.Is(err, fs.ErrPermission) {
		return nil // one may be written to and not read
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
