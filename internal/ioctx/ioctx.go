// Package ioctx lets the end of a context interrupt reads and writes that block, and opens the
// process's standard input and output so that this is possible.
//
// The handle belongs to the caller. How it is interrupted depends on its type:
//
//   - by a deadline in the past, if it supports deadlines; the deadline is cleared afterwards;
//   - not at all, if it is a regular file or a directory: its reads and writes wait for no other process;
//   - on Unix, an [*os.File] in blocking mode (an inherited pipe, for example) has no deadlines, and Close
//     does not wake a pending read: each read and write waits with poll(2) first;
//   - by Close otherwise, if it has a Close.
//
// After the release function has returned, the handle is no longer used.
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

// past is a deadline that has passed; the zero time would mean no deadline.
var past = time.Unix(1, 0)

// Interrupt runs f in a goroutine of its own when ctx ends, at once if it has ended already.
//
// release cancels that. If f is running already, it waits for f to return, so that f is never running
// after release. It may be called more than once and from several goroutines, but not from f.
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

// Reader makes the end of ctx interrupt a Read of r, as described in the package comment. The caller
// reads from the returned reader, which is r itself except for files in blocking mode, and calls release
// after the last Read. Reader adds no buffer and reads nothing ahead.
//
// Which error an interrupted Read returns depends on r: the caller checks ctx first, and reports
// [context.Cause] if it has ended. A deadline set by Reader is cleared by release; one set by the caller
// before stays if ctx does not end in between.
//
// Not interrupted are: readers with neither deadline nor Close; readers whose Close waits for the Read (as
// that of a server's request body does); devices whose driver does not support poll(2); on Windows,
// consoles. If two processes read from one pipe or terminal in blocking mode, the other one may take the
// data that poll reported, and the Read then blocks.
//
// If Close must not be called during a Read (of a decoder, for example), hide it: struct{ io.Reader }.
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

// Writer makes the end of ctx interrupt a Write to w, as [Reader] does for a Read. The count of an interrupted
// Write is that of w.
//
// With poll(2), a Write to a pipe or terminal is split into small pieces, because only these are certain not
// to block half-way. On a terminal with room for less than 256 bytes, one may still block.
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
			// Most likely closed already: nothing is left to interrupt.
		case !neverWaits(rw):
			if c, ok := rw.(io.Closer); ok {
				c.Close()
			}
		}
	})
	return sync.OnceFunc(func() {
		stop()
		if interrupted {
			set(time.Time{}) // fails only if rw has been closed
		}
	})
}

// neverWaits reports whether rw is a file whose reads and writes do not wait for another process.
func neverWaits(rw any) bool {
	s, ok := rw.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return false
	}
	info, err := s.Stat()
	return err == nil && (info.Mode().IsRegular() || info.IsDir())
}
