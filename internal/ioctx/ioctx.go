// Package ioctx lets the end of a context interrupt reads and writes that block, and opens the
// process's standard input and output so that this is possible.
//
// Interrupting a handle that somebody else owns has rules:
//
//   - a deadline in the past where the handle has deadlines, cleared afterwards;
//   - nothing for a regular file or a directory, whose reads and writes do not wait for anybody;
//   - on Unix, an [*os.File] in blocking mode (an inherited pipe, say) knows no deadlines, and closing it
//     would not wake a read that is under way: it is waited for with poll(2) before each read and write;
//   - Close for the rest, if there is a Close.
//
// After the release function has returned, nothing touches the handle any more.
package ioctx

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// past is a deadline that is over on every clock, and not the zero time, which would mean no deadline.
var past = time.Unix(1, 0)

// Interrupt runs f in a goroutine of its own when ctx ends, at once if it has ended already.
//
// The returned function takes that back. If f is running by then, it waits for f to return, so that f
// never touches anything after release. It may be called more than once and from several goroutines,
// but not from f.
func Interrupt(ctx context.Context, f func()) (release func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		f()
	})
	return sync.OnceFunc(func() {
		if !stop() {
			<-done
		}
	})
}

// Reader makes the end of ctx interrupt a Read of r, with the means that the package comment lists.
// The caller reads from the reader it gets back, which is r itself except for files in blocking mode,
// and calls release when it is done reading. Reader adds no buffer, and nothing is read that is not
// asked for.
//
// An interrupted Read returns an error of r's choice: the caller looks at ctx first, and reports
// [context.Cause] if it has ended. A deadline set by Reader is cleared by release; one that the caller set
// before stays if ctx does not end in between.
//
// Not interrupted are: readers with neither deadline nor Close; devices whose driver does not support
// poll(2); on Windows, consoles. A Close that waits for the Read (as the one of a server's request body
// does) is of no help either. Where two processes read from one pipe or terminal in blocking mode, the
// other one may take what poll promised, and then the Read blocks.
//
// Where a Close must not happen during a Read (of a decoder, for example), hide it: struct{ io.Reader }.
func Reader(ctx context.Context, r io.Reader) (reader io.Reader, release func()) {
	if ctx.Done() == nil {
		return r, func() {}
	}
	if f, ok := r.(*os.File); ok && waits(f) {
		p := newPolled(ctx, f, os.O_WRONLY)
		return p, p.release
	}
	d, ok := r.(interface{ SetReadDeadline(time.Time) error })
	if !ok {
		return r, closeAtEnd(ctx, r)
	}
	return r, deadlineAtEnd(ctx, r, d.SetReadDeadline)
}

// Writer makes the end of ctx interrupt a Write to w, as [Reader] does for a Read. How much of an interrupted
// Write has arrived is told by its count, where w tells it.
//
// Through poll(2), a Write to a pipe or terminal goes in small pieces, because only these are sure not to block
// half-way. On a terminal with less room than 256 bytes, one may block all the same.
func Writer(ctx context.Context, w io.Writer) (writer io.Writer, release func()) {
	if ctx.Done() == nil {
		return w, func() {}
	}
	if f, ok := w.(*os.File); ok && waits(f) {
		p := newPolled(ctx, f, os.O_RDONLY)
		return p, p.release
	}
	d, ok := w.(interface{ SetWriteDeadline(time.Time) error })
	if !ok {
		return w, closeAtEnd(ctx, w)
	}
	return w, deadlineAtEnd(ctx, w, d.SetWriteDeadline)
}

func closeAtEnd(ctx context.Context, rw any) (release func()) {
	c, ok := rw.(io.Closer)
	if !ok {
		return func() {}
	}
	return Interrupt(ctx, func() { c.Close() })
}

func deadlineAtEnd(ctx context.Context, rw any, set func(time.Time) error) (release func()) {
	var interrupted bool
	stop := Interrupt(ctx, func() {
		err := set(past)
		switch {
		case err == nil:
			interrupted = true
		case !errors.Is(err, os.ErrNoDeadline) && !errors.Is(err, errors.ErrUnsupported):
			// Closed already, most likely. There is nothing left to interrupt.
		case !neverWaits(rw):
			if c, ok := rw.(io.Closer); ok {
				c.Close()
			}
		}
	})
	return sync.OnceFunc(func() {
		stop()
		if interrupted {
			set(time.Time{}) // fails if it was closed meanwhile, and then does not matter
		}
	})
}

// neverWaits reports whether rw is a file whose reads and writes are not held up by another process.
func neverWaits(rw any) bool {
	s, ok := rw.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return false
	}
	info, err := s.Stat()
	return err == nil && (info.Mode().IsRegular() || info.IsDir())
}
