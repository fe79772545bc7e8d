package sources

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/internal/ioctx"
)

// openSpecial opens a FIFO or device in non-blocking mode, so that neither the open nor a read can
// hold up the end of ctx. It waits for the first writer of a FIFO: before there is one, a non-blocking read
// would give EOF.
func openSpecial(ctx context.Context, in tree, name string, info fs.FileInfo) (*os.File, error) {
	f, err := in.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	if info.Mode()&fs.ModeNamedPipe != 0 {
		_, release := ioctx.Reader(ctx, f)
		err = awaitWriter(f)
		release()
	} else if errors.Is(f.SetReadDeadline(time.Time{}), os.ErrNoDeadline) {
		// The runtime does not poll this device, so nobody would wait for it where it says EAGAIN.
		err = setBlocking(f)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func setBlocking(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	cerr := conn.Control(func(fd uintptr) { err = unix.SetNonblock(int(fd), false) })
	return errors.Join(cerr, err)
}

// awaitWriter waits until f has something to read, or had a writer that is gone. Linux reports a hang-up only
// after a FIFO has had a writer since it was opened, and always for a pipe that was opened through /proc.
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

// sizeIsBuffer reports whether f is an attribute in /sys: its size is that of the buffer, not of what is in
// it.
func sizeIsBuffer(f *os.File, info fs.FileInfo) bool {
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Blocks != 0 {
		return false
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	var st unix.Statfs_t
	cerr := conn.Control(func(fd uintptr) { err = unix.Fstatfs(int(fd), &st) })
	return cerr == nil && err == nil && st.Type == unix.SYSFS_MAGIC
}
