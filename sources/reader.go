package sources

import (
	"context"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/weirflow/weir/internal/fileid"
	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline"
)

// Reader emits the bytes of r. It is single-use: a second run fails with [pipeline.ErrSingleUse]. The caller
// keeps r, and closes it after the run.
//
// Emits the bytes of each Read immediately. Ends with r's io.EOF; io.ErrUnexpectedEOF and every other error
// fail the run.
//
// When the run ends early, a pending Read is interrupted by a read deadline, if r has SetReadDeadline (it
// is cleared afterwards, and r can still be read), else by r's Close, if it has one. Close is called in no
// other case. Regular files are not interrupted; reads of an [*os.File] in blocking mode wait with poll(2)
// first. With any other reader the run ends only when the Read returns.
//
// A decoder like gzip.Reader must not be closed during a Read: hide its Close with struct{ io.Reader }. For
// the body of a server's request, use [Request].
func Reader(r io.Reader) pipeline.Source {
	var used atomic.Bool
	source := pipeline.NewSource("reader", func(ctx context.Context, out *pipeline.Outlet) error {
		if r == nil {
			return errors.New("r is nil: want an io.Reader")
		}
		if used.Swap(true) {
			return pipeline.ErrSingleUse
		}
		return copyFrom(ctx, out, r)
	})
	if f, ok := r.(*os.File); ok {
		source = source.Reads(func() any { return place(fileid.PlaceOfFile(f)) })
	}
	return source
}

// copyFrom emits r until EOF; the end of ctx interrupts a Read. The error of an interrupted Read is not
// used: the engine returns the cause of ctx instead.
func copyFrom(ctx context.Context, out *pipeline.Outlet, r io.Reader) error {
	r, release := ioctx.Reader(ctx, r)
	defer release()
	_, deadline := r.(interface{ SetReadDeadline(time.Time) error })
	if _, closes := r.(io.Closer); closes && !deadline {
		r = struct{ io.Reader }{r} // else CopyFrom closes it as well
	}
	return out.CopyFrom(ctx, r)
}
