package ioctx_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirflow/weir/internal/ioctx"
)

var errGone = errors.New("the user went home")

func TestInterruptReleaseWaitsForF(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var finished atomic.Bool
		release := ioctx.Interrupt(ctx, func() {
			time.Sleep(time.Hour) // in the bubble
			finished.Store(true)
		})
		cancel()
		synctest.Wait()
		release()
		if !finished.Load() {
			t.Error("release returned while f was running")
		}
		release() // once more does nothing
	})
}

func TestInterruptReleasedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		release := ioctx.Interrupt(ctx, func() { t.Error("f ran after release") })
		release()
		release()
		cancel()
		synctest.Wait()
	})
}

func TestInterruptEndedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var ran atomic.Bool
		release := ioctx.Interrupt(ctx, func() { ran.Store(true) })
		synctest.Wait()
		release()
		if !ran.Load() {
			t.Error("f did not run")
		}
	})
}

func TestInterruptEndlessContext(t *testing.T) {
	ioctx.Interrupt(context.Background(), func() { t.Error("f ran") })()
}

// A handle records what is done to it. Reads and writes block until a deadline or Close.
type handle struct {
	mu        sync.Mutex
	deadlines []time.Time
	closed    bool
	freed     chan struct{}
	err       error // what the deadline setters answer
}

func newHandle(err error) *handle { return &handle{freed: make(chan struct{}), err: err} }

func (h *handle) Read([]byte) (int, error)  { <-h.freed; return 0, os.ErrDeadlineExceeded }
func (h *handle) Write([]byte) (int, error) { <-h.freed; return 0, os.ErrDeadlineExceeded }

func (h *handle) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	close(h.freed)
	return nil
}

func (h *handle) set(t time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deadlines = append(h.deadlines, t)
	if h.err == nil && !t.IsZero() {
		close(h.freed)
	}
	return h.err
}

type withDeadlines struct{ *handle }

func (h withDeadlines) SetReadDeadline(t time.Time) error  { return h.set(t) }
func (h withDeadlines) SetWriteDeadline(t time.Time) error { return h.set(t) }

// ends runs f once with a blocked Read and once with a blocked Write, both interrupted by the end of a context.
func ends(t *testing.T, open func() io.ReadWriter, check func(t *testing.T, rw io.ReadWriter)) {
	t.Run("end=read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			rw := open()
			ctx, cancel := context.WithCancel(t.Context())
			r, release := ioctx.Reader(ctx, rw)
			go func() { synctest.Wait(); cancel() }()
			if _, err := r.Read(make([]byte, 1)); err == nil {
				t.Error("Read succeeded")
			}
			release()
			check(t, rw)
		})
	})
	t.Run("end=write", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			rw := open()
			ctx, cancel := context.WithCancel(t.Context())
			w, release := ioctx.Writer(ctx, rw)
			go func() { synctest.Wait(); cancel() }()
			if _, err := w.Write(make([]byte, 1)); err == nil {
				t.Error("Write succeeded")
			}
			release()
			check(t, rw)
		})
	})
}

func TestDeadlineIsSetAndCleared(t *testing.T) {
	ends(t, func() io.ReadWriter { return withDeadlines{newHandle(nil)} }, func(t *testing.T, rw io.ReadWriter) {
		h := rw.(withDeadlines).handle
		if len(h.deadlines) != 2 || !h.deadlines[0].Before(time.Now()) || !h.deadlines[1].IsZero() {
			t.Errorf("deadlines set: %v; want one in the past, then none", h.deadlines)
		}
		if h.closed {
			t.Error("closed, although it has deadlines")
		}
	})
}

func TestCloseWithoutDeadlines(t *testing.T) {
	ends(t, func() io.ReadWriter { return newHandle(nil) }, func(t *testing.T, rw io.ReadWriter) {
		if !rw.(*handle).closed {
			t.Error("not closed")
		}
	})
	for _, err := range []error{os.ErrNoDeadline, errors.ErrUnsupported} {
		ends(t, func() io.ReadWriter { return withDeadlines{newHandle(err)} }, func(t *testing.T, rw io.ReadWriter) {
			if !rw.(withDeadlines).closed {
				t.Errorf("not closed after %v", err)
			}
		})
	}
}

func TestNothingIsTouchedWithoutInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := withDeadlines{newHandle(nil)}
		c := newHandle(nil)
		ctx, cancel := context.WithCancel(t.Context())
		_, release1 := ioctx.Reader(ctx, h)
		_, release2 := ioctx.Writer(ctx, h)
		_, release3 := ioctx.Reader(ctx, c)
		_, release4 := ioctx.Writer(ctx, c)
		release1()
		release2()
		release3()
		release4()
		cancel()
		synctest.Wait()
		if len(h.deadlines) > 0 || h.closed || c.closed {
			t.Errorf("after release: deadlines %v, closed %v and %v", h.deadlines, h.closed, c.closed)
		}
	})
}

func TestOtherDeadlineErrorsDoNotClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := withDeadlines{newHandle(os.ErrClosed)}
		ctx, cancel := context.WithCancel(t.Context())
		_, release := ioctx.Reader(ctx, h)
		cancel()
		synctest.Wait()
		release()
		if h.closed {
			t.Error("closed")
		}
	})
}

func TestConnIsUsableAfterRelease(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	r, release := ioctx.Reader(ctx, a)
	if r != io.Reader(a) {
		t.Error("the reader is not the connection itself")
	}
	go cancel(errGone)
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("Read: %v, want a deadline", err)
	}
	release()
	go b.Write([]byte("x"))
	if _, err := a.Read(make([]byte, 1)); err != nil {
		t.Errorf("Read after release: %v", err)
	}
}

func TestRegularFileIsLeftAlone(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, rw := range []io.ReadWriter{f, struct{ *os.File }{f}} { // the file, and one that is hidden in a type
		ctx, cancel := context.WithCancel(t.Context())
		r, release1 := ioctx.Reader(ctx, rw)
		w, release2 := ioctx.Writer(ctx, rw)
		if r != io.Reader(rw) || w != io.Writer(rw) {
			t.Error("a regular file was wrapped")
		}
		cancel()
		release1()
		release2()
		if _, err := r.Read(make([]byte, 1)); err != nil {
			t.Errorf("Read after the end of the context: %v", err)
		}
	}
}
