package sources

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/internal/ioctx"
)

// open opens name in non-blocking mode, so that neither the open nor a read of a FIFO or device blocks past
// the end of ctx. The mode has no effect on other files.
func open(_ context.Context, in tree, name string) (*os.File, error) {
	f, err := in.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if errors.Is(err, unix.EWOULDBLOCK) { // another process has a lease (fcntl(2)); a blocking open waits until it is released
		return in.OpenFile(name, os.O_RDONLY, 0)
	}
	return f, err
}

// prepare waits for the first writer of a FIFO: before there is one, a non-blocking read would give EOF.
func prepare(ctx context.Context, f *os.File, info fs.FileInfo) error {
	switch {
	case info.Mode().IsRegular() || info.IsDir():
		return nil
	case info.Mode()&fs.ModeNamedPipe != 0:
		_, release := ioctx.Reader(ctx, f)
		defer release()
		return awaitWriter(f)
	case errors.Is(f.SetReadDeadline(time.Time{}), os.ErrNoDeadline):
		// The runtime cannot poll this device, so EAGAIN would be returned to the caller.
		return setBlocking(f)
	}
	return nil
}

func setBlocking(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	cerr := conn.Control(func(fd uintptr) { err = unix.SetNonblock(int(fd), false) })
	return errors.Join(cerr, err)
}

// awaitWriter waits until f is readable, or its last writer has closed it. Linux reports a hangup only
// if a FIFO has had a writer since it was opened, and always for a pipe that was opened through /proc.
func awaitWriter(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Read(func(fd uintptr) (ready bool) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for {
			n, err := unix.Poll(fds, 0)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			failed = os.NewSyscallError("poll", err)
			return n != 0
		}
	})
	if err == nil {
		err = failed
	}
	return err
}
