//go:build unix && !aix

package ioctx_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/internal/ioctx"
	"github.com/weirflow/weir/pipeline/pipetest"
)

// blockingPipe is a pipe as a shell makes it. (os.Pipe's ends are non-blocking.)
func blockingPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	return files(t, fds)
}

func blockingSocketpair(t *testing.T) (a, b *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	return files(t, fds)
}

func files(t *testing.T, fds [2]int) (a, b *os.File) {
	unix.CloseOnExec(fds[0])
	unix.CloseOnExec(fds[1])
	a, b = os.NewFile(uintptr(fds[0]), "end 0"), os.NewFile(uintptr(fds[1]), "end 1")
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// prompt is how long an interrupted call may take to return. It takes microseconds; a busy machine takes longer.
const prompt = time.Second

// within fails the test if f does not return promptly after cancel.
func within(t *testing.T, cancel, f func()) {
	t.Helper()
	var at time.Time
	timer := time.AfterFunc(20*time.Millisecond, func() { at = time.Now(); cancel() })
	defer timer.Stop()
	f()
	if d := time.Since(at); d > prompt {
		t.Errorf("returned %v after the context's end", d)
	}
}

var blockingKinds = []struct {
	name string
	open func(*testing.T) (r, w *os.File)
}{
	{"pipe", blockingPipe},
	{"socket", blockingSocketpair},
}

func TestBlockingReadIsInterrupted(t *testing.T) {
	for _, kind := range blockingKinds {
		t.Run(kind.name, func(t *testing.T) {
			pipetest.NoLeaks(t)
			r, w := kind.open(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			pr, release := ioctx.Reader(ctx, r)
			within(t, func() { cancel(errGone) }, func() {
				if n, err := pr.Read(make([]byte, 1)); n != 0 || !errors.Is(err, errGone) {
					t.Errorf("Read: %d, %v, want the cause", n, err)
				}
			})
			release()
			if _, err := pr.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
				t.Errorf("Read after release: %v, want %v", err, os.ErrClosed)
			}
			// The caller's file is as it was.
			w.Write([]byte("x"))
			if n, err := r.Read(make([]byte, 1)); n != 1 || err != nil {
				t.Errorf("Read of the file after release: %d, %v", n, err)
			}
			if flags, err := unix.FcntlInt(r.Fd(), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
				t.Errorf("flags %#x, %v: now non-blocking", flags, err)
			}
		})
	}
}

func TestBlockingWriteIsInterrupted(t *testing.T) {
	for _, kind := range blockingKinds {
		t.Run(kind.name, func(t *testing.T) {
			pipetest.NoLeaks(t)
			r, w := kind.open(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			pw, release := ioctx.Writer(ctx, w)
			var n int
			within(t, func() { cancel(errGone) }, func() {
				var err error
				if n, err = pw.Write(make([]byte, 1<<20)); !errors.Is(err, errGone) {
					t.Errorf("Write: %d, %v, want the cause", n, err)
				}
			})
			release()
			w.Close()
			got, err := io.ReadAll(r)
			if err != nil || len(got) != n || n == 0 {
				t.Errorf("Write counted %d bytes, %d arrived (%v)", n, len(got), err)
			}
		})
	}
}

func TestBlockingCopy(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	for _, kind := range blockingKinds {
		t.Run(kind.name, func(t *testing.T) {
			pipetest.NoLeaks(t)
			r, w := kind.open(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				pw, release := ioctx.Writer(ctx, w)
				defer w.Close()
				defer release()
				if n, err := pw.Write(want); n != len(want) || err != nil {
					t.Errorf("Write: %d, %v", n, err)
				}
			}()
			pr, release := ioctx.Reader(ctx, r)
			defer release()
			got, err := io.ReadAll(pr)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("read %d bytes, %v; want %d", len(got), err, len(want))
			}
		})
	}
}

// A deadline on a file that was switched to blocking mode by Fd is accepted and has no effect.
func TestFileAfterFd(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	unix.SetNonblock(int(r.Fd()), false)
	ctx, cancel := context.WithCancelCause(t.Context())
	pr, release := ioctx.Reader(ctx, r)
	defer release()
	within(t, func() { cancel(errGone) }, func() {
		if _, err := pr.Read(make([]byte, 1)); !errors.Is(err, errGone) {
			t.Errorf("Read: %v, want the cause", err)
		}
	})
}

func TestPipeWithoutReader(t *testing.T) {
	for _, kind := range blockingKinds {
		t.Run(kind.name, func(t *testing.T) {
			r, w := kind.open(t)
			r.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			pw, release := ioctx.Writer(ctx, w)
			defer release()
			if n, err := pw.Write([]byte("x")); n != 0 || !errors.Is(err, unix.EPIPE) {
				t.Errorf("Write: %d, %v, want EPIPE", n, err)
			}
		})
	}
}
