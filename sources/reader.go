package sources

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
)

// Reader emits what r has. It is single-use: a second run fails with [pipeline.ErrSingleUse]. The caller
// keeps r, and closes it after the run.
//
// Emits what a Read returns, at once. Ends with r's io.EOF; io.ErrUnexpectedEOF and every other error fail
// the run.
//
// When the run ends early, a Read that blocks is interrupted by a read deadline, if r has SetReadDeadline (it
// is cleared afterwards, and r can be read on), else by r's Close, if it has one. Close is called in no other
// case. Neither is done to regular files, and an [*os.File] in blocking mode is waited for with poll(2)
// instead. A reader with neither holds up the end of the run until its Read returns.
//
// A decoder like gzip.Reader must not be closed during a Read: hide its Close with struct{ io.Reader }. For
// the body of a server's request there is [Request].
func Reader(r io.Reader) pipeline.Source {
	var used atomic.Bool
	return pipeline.NewSource("reader", func(ctx context.Context, out *pipeline.Outlet) error {
		if r == nil {
			return errors.New("r is nil: want an io.Reader")
		}
		if used.Swap(true) {
			return pipeline.ErrSingleUse
		}
		return copyFrom(ctx, out, r)
	})
}

// copyFrom emits r until EOF; the end of ctx interrupts a Read. What an interrupted Read returns does not
// matter: the engine knows why the node ended.
func copyFrom(ctx context.Context, out *pipeline.Outlet, r io.Reader) error {
	r, release := ioctx.Reader(ctx, r)
	defer release()
	return out.CopyFrom(ctx, r)
}
