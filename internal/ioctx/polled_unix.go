//go:build unix && !aix

package ioctx

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// waits reports whether a read or a write of f can block without a deadline to interrupt it: f is in blocking mode,
// and neither a regular file nor a directory. Files in non-blocking mode are in the runtime's poller and have deadlines.
//
// The mode is that of the descriptor: an *os.File whose Fd method was called may still accept deadlines that have no
// effect any more.
func waits(f *os.File) bool {
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	var blocking bool
	err = conn.Control(func(fd uintptr) {
		var st unix.Stat_t
		if unix.Fstat(int(fd), &st) != nil {
			return
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG, unix.S_IFDIR, unix.S_IFBLK:
			return
		case unix.S_IFCHR:
			if isMemoryDevice(&st) {
				return
			}
		}
		flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
		blocking = err == nil && flags&unix.O_NONBLOCK == 0
	})
	return err == nil && blocking
}

// polled reads from and writes to a descriptor in blocking mode. Other processes share it, so it is not switched to
// non-blocking mode: before each system call, polled waits until the descriptor is ready or ctx ends.
type polled struct {
	ctx  context.Context
	name string // of the file, for errors
	file syscall.RawConn

	wakeR, wakeW *os.File // wakeW is closed when ctx ends, which makes wakeR readable
	wake         syscall.RawConn
	stop         func()
	err          error // returned by every Read and Write

	mu sync.Mutex // held during Read and Write; release waits for it
}

// newPolled returns a polled whose calls fail if f is open only in the mode closed (O_RDONLY or O_WRONLY), which would
// never be ready.
func newPolled(ctx context.Context, f *os.File, closed int) *polled {
	p := &polled{ctx: ctx, name: f.Name(), stop: func() {}}
	if p.file, p.err = f.SyscallConn(); p.err != nil {
		return p
	}
	cerr := p.file.Control(func(fd uintptr) {
		if flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0); err == nil && flags&unix.O_ACCMODE == closed {
			p.err = &os.PathError{Op: "read or write", Path: f.Name(), Err: unix.EBADF}
		}
	})
	if cerr != nil {
		p.err = os.ErrClosed // the only error of Control
	}
	if p.err != nil {
		return p
	}
	if p.wakeR, p.wakeW, p.err = os.Pipe(); p.err != nil {
		return p
	}
	if p.wake, p.err = p.wakeR.SyscallConn(); p.err != nil {
		return p
	}
	p.stop = Interrupt(ctx, func() { p.wakeW.Close() })
	return p
}

// release ends the use of the file. It waits for a pending Read or Write; later ones fail with [os.ErrClosed].
func (p *polled) release() {
	p.stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wakeR != nil {
		p.wakeR.Close()
		p.wakeW.Close()
	}
	p.err = os.ErrClosed
}

// failed is the error of an operation as [os.File] returns it.
func (p *polled) failed(op string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: p.name, Err: err}
}

func (p *polled) Read(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	err = p.do(unix.POLLIN, func(fd int) (err error) {
		n, err = unix.Read(fd, b)
		if errors.Is(err, unix.EAGAIN) {
			return err
		}
		return p.failed("read", err)
	})
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (p *polled) Write(b []byte) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n < len(b) {
		var m int
		err = p.do(unix.POLLOUT, func(fd int) (err error) {
			m, err = writeReady(fd, b[n:])
			if errors.Is(err, unix.EAGAIN) {
				return err
			}
			return p.failed("write", err)
		})
		if err != nil {
			return n, err
		}
		n += m
	}
	return n, nil
}

// writeReady writes as much of b to fd, which poll reported as ready, as is certain not to block.
func writeReady(fd int, b []byte) (int, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFSOCK:
		return unix.SendmsgN(fd, b, nil, nil, unix.MSG_DONTWAIT)
	case unix.S_IFIFO:
		b = b[:min(len(b), pipeBuf)] // POSIX: a ready pipe takes PIPE_BUF bytes
	case unix.S_IFCHR:
		if isTerminal(fd) {
			b = b[:min(len(b), 256)]
		} // the size of a write to another device may matter to its driver
	}
	return unix.Write(fd, b)
}

// do waits for events and calls f, and repeats that while f returns EINTR or EAGAIN.
func (p *polled) do(events int16, f func(fd int) error) error {
	if p.err != nil {
		return p.err
	}
	for {
		var err error
		var woken bool
		cerr := p.wake.Control(func(wake uintptr) {
			cerr := p.file.Control(func(fd uintptr) {
				if woken, err = wait(int(fd), int(wake), events); err != nil || woken {
					return
				}
				err = f(int(fd))
			})
			if cerr != nil {
				err = os.ErrClosed
			}
		})
		switch {
		case cerr != nil:
			return cerr
		case woken || p.ctx.Err() != nil:
			return context.Cause(p.ctx)
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		default:
			return err
		}
	}
}

// wait waits until fd is ready for events, hung up or failed, or until wake is readable. On macOS, poll(2) does
// not support devices, terminals among them.
func wait(fd, wake int, events int16) (woken bool, err error) {
	if runtime.GOOS == "darwin" {
		return waitSelect(fd, wake, events)
	}
	return waitPoll(fd, wake, events)
}

func waitPoll(fd, wake int, events int16) (woken bool, err error) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: events}, {Fd: int32(wake), Events: unix.POLLIN}}
	if _, err := unix.Poll(fds, -1); err != nil {
		return false, err
	}
	return fds[1].Revents != 0, nil
}

// waitSelect is waitPoll with select(2). It does not wait for descriptors from 1024 on, which select cannot watch.
func waitSelect(fd, wake int, events int16) (woken bool, err error) {
	if fd >= unix.FD_SETSIZE || wake >= unix.FD_SETSIZE {
		return false, nil
	}
	var r, w unix.FdSet
	r.Set(wake)
	if events == unix.POLLIN {
		r.Set(fd)
	} else {
		w.Set(fd)
	}
	if _, err := unix.Select(max(fd, wake)+1, &r, &w, nil, nil); err != nil {
		return false, err
	}
	return r.IsSet(wake), nil
}
