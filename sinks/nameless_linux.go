package sinks

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Where a file is to appear that is not there yet, its content is collected in one without a name
// (O_TMPFILE, see open(2)): what has no name needs no lock, leaves nothing when its process is killed, and
// gets the final name in one step that cannot replace anything. It takes half as long as two names do. A
// stream that turns out not to be small gets the temporary name after all, so that it can be seen.

// namelessMax is how many bytes a file may have without a name.
const namelessMax = 64 << 10

// createNameless reports false where the file system, or the system, has no files without names.
func (t *tempFile) createNameless(folder string) bool {
	if !canLink() {
		return false
	}
	at := unix.AT_FDCWD
	if t.dir != nil {
		conn, err := t.dir.SyscallConn()
		if err != nil {
			return false
		}
		made := false
		cerr := conn.Control(func(fd uintptr) { made = t.openNameless(int(fd), ".") })
		return cerr == nil && made
	}
	if t.dest.opts.Root != nil {
		return false
	}
	if folder == "" {
		folder = "."
	}
	return t.openNameless(at, folder)
}

func (t *tempFile) openNameless(at int, folder string) bool {
	for {
		fd, err := unix.Openat(at, folder, unix.O_RDWR|unix.O_TMPFILE|unix.O_CLOEXEC, uint32(t.dest.newMode()))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return false // createNew says why, if it is not just this
		}
		t.file = os.NewFile(uintptr(fd), t.dest.path)
		return true
	}
}

// canLink reports whether a file without a name can get one: through /proc. (From Linux 6.10 on it could
// without.)
var canLink = sync.OnceValue(func() bool {
	_, err := os.Lstat("/proc/self/fd")
	return err == nil
})

// link gives the file a name in its folder, unless that is taken: then the error is fs.ErrExist.
func (t *tempFile) link(path string) error {
	conn, err := t.file.SyscallConn()
	if err != nil {
		return err
	}
	cerr := conn.Control(func(fd uintptr) {
		if t.dir == nil {
			err = linkAt(int(fd), unix.AT_FDCWD, path)
			return
		}
		dir, derr := t.dir.SyscallConn()
		if derr != nil {
			err = derr
			return
		}
		if derr = dir.Control(func(at uintptr) { err = linkAt(int(fd), int(at), filepath.Base(path)) }); derr != nil {
			err = derr
		}
	})
	if cerr != nil {
		return cerr
	}
	if err != nil {
		return &fs.PathError{Op: "link", Path: t.dest.path, Err: err}
	}
	return nil
}

func linkAt(fd, at int, path string) error {
	for {
		err := unix.Linkat(unix.AT_FDCWD, procName(fd), at, path, unix.AT_SYMLINK_FOLLOW)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func procName(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// namelessPath returns a path that leads to the file although it has no name.
func (t *tempFile) namelessPath() (string, error) {
	conn, err := t.file.SyscallConn()
	if err != nil {
		return "", err
	}
	var path string
	err = conn.Control(func(fd uintptr) { path = procName(int(fd)) })
	return path, err
}
