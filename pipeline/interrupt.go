package pipeline

import (
	"context"
	"io"
	"sync"
	"time"
)

// interruptible makes the end of ctx, and of the node's own context, interrupt a Read of r: by a read deadline if r
// has one, else by Close. A stage's reader is not closed: it is a decoder of the inlet, whose reads end anyway, and
// must not be closed during a Read. release clears the deadline, and reports whether a Read may have been interrupted.
func (out *Outlet) interruptible(ctx context.Context, r io.Reader) (release func() bool) {
	if lr, ok := r.(*io.LimitedReader); ok {
		r = lr.R
	}
	interrupted := false
	var interrupt func()
	restore := func() {}
	switch r := r.(type) {
	case interface{ SetReadDeadline(time.Time) error }:
		interrupt = func() { interrupted = r.SetReadDeadline(time.Unix(1, 0)) == nil } // an error: a file without deadlines
		restore = func() { _ = r.SetReadDeadline(time.Time{}) }                        // an error: it has been closed
	case io.Closer:
		if out.node.in != nil {
			return func() bool { return false }
		}
		interrupt = func() { _, interrupted = r.Close(), true }
	default:
		return func() bool { return false }
	}
	interrupt = sync.OnceFunc(interrupt)
	stop := afterFunc(ctx, interrupt)
	stopOwn := func() {}
	if ctx != out.node.ctx {
		stopOwn = afterFunc(out.node.ctx, interrupt)
	}
	return func() bool {
		stop()
		stopOwn()
		if interrupted {
			restore()
		}
		return interrupted
	}
}
