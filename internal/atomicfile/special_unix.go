//go:build unix && !aix && !solaris

package atomicfile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// descriptor reports which of the process's descriptors path names; /dev/stdout is a link to such a path. To
// open such a name would begin a regular file at its start again, and fail for a socket.
func descriptor(path string) (fd int, ok bool) {
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
		if n, found := strings.CutPrefix(path, dir); found {
			fd, err := strconv.ParseUint(n, 10, 31)
			return int(fd), err == nil
		}
	}
	return 0, false
}

// OpenSpecial opens what is written in place, and calls itself as the user does. It waits until a FIFO has a
// reader, or ctx ends.
func (d *Destination) OpenSpecial(ctx context.Context) (*os.File, error) {
	f, err := d.openSpecial(ctx)
	if err == nil || ctx.Err() != nil && err == context.Cause(ctx) { //nolint:errorlint // as it is
		return f, err
	}
	return nil, d.failed("open", err)
}

func (d *Destination) openSpecial(ctx context.Context) (*os.File, error) {
	if d.fd >= 0 {
		fd, err := unix.FcntlInt(uintptr(d.fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return nil, err
		}
		return os.NewFile(uintptr(fd), d.name), nil
	}
	const flags = os.O_WRONLY | unix.O_NOCTTY
	switch {
	case d.pseudo: // O_TRUNC clears lists of the kernel, as it does for a shell's > and for cp
		return d.dir.open(d.base, flags|os.O_TRUNC, 0, d.name)
	case d.old.mode&fs.ModeNamedPipe == 0:
		return d.dir.open(d.base, flags, 0, d.name)
	}
	// An open(2) that waits for a reader cannot be interrupted, and nothing tells that one has come.
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		f, err := d.dir.open(d.base, flags|unix.O_NONBLOCK, 0, d.name)
		if err == nil {
			return f, restoreBlocking(f)
		}
		if !errors.Is(err, unix.ENXIO) {
			return nil, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// restoreBlocking switches f to blocking mode if the runtime does not poll it, as on macOS a FIFO: else a
// write to a full one would fail.
func restoreBlocking(f *os.File) error {
	if !errors.Is(f.SetWriteDeadline(time.Time{}), os.ErrNoDeadline) {
		return nil
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	cerr := conn.Control(func(fd uintptr) { err = unix.SetNonblock(int(fd), false) })
	return errors.Join(cerr, err)
}
