//go:build unix && !aix && !solaris

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// nonblock makes the opening of what is no regular file return at once.
const nonblock = unix.O_NONBLOCK

// A dir is an open directory. Its methods are the system calls that make, find, name and remove files; names
// are those of entries, and symbolic links are never followed. Errors are bare.
type dir struct {
	fd       int
	root     *os.File // that fd belongs to, if it was opened in an os.Root
	name     string   // for errors
	readable bool     // else it cannot be synced
	longest  int      // stem, once one has been asked for
}

// openDir opens a directory, in root if that is not nil. "" is the present directory.
func openDir(root *os.Root, path string) (*dir, error) {
	if root == nil {
		return (&dir{fd: unix.AT_FDCWD}).enter(path)
	}
	d := &dir{name: path}
	// O_NONBLOCK means nothing here, and spares package os four system calls.
	return d.openWith(path, func(path string, flag int) (err error) {
		for { // package os does not call all of it again
			d.root, err = root.OpenFile(path, flag|unix.O_NONBLOCK, 0)
			switch {
			case errors.Is(err, unix.EINTR):
				continue
			case err == nil:
				d.fd = int(d.root.Fd())
			}
			return err
		}
	})
}

// enter opens the directory that a path leads to from d.
func (d *dir) enter(path string) (*dir, error) {
	to := &dir{name: path}
	return to.openWith(path, func(path string, flag int) (err error) {
		to.fd, err = openAt(d.fd, path, flag, 0)
		return err
	})
}

// openWith opens a directory with a function. One that may not be read may still be written to.
func (d *dir) openWith(path string, open func(path string, flag int) error) (*dir, error) {
	if path == "" {
		path, d.name = ".", "."
	}
	err := open(path, unix.O_RDONLY|unix.O_DIRECTORY)
	d.readable = err == nil
	if errors.Is(err, unix.EACCES) {
		err = open(path, searchOnly|unix.O_DIRECTORY)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

func openAt(at int, path string, flag int, mode uint32) (fd int, err error) {
	err = again(func() error {
		fd, err = unix.Openat(at, path, flag|unix.O_CLOEXEC, mode)
		return err
	})
	return fd, err
}

// again calls f again if a signal interrupts it.
func again(f func() error) error {
	for {
		if err := f(); err != unix.EINTR { //nolint:errorlint // errors of system calls are bare
			return err
		}
	}
}

func (d *dir) close() {
	if d.root != nil {
		d.root.Close()
		return
	}
	unix.Close(d.fd)
}

// open opens a file, which will call itself as.
func (d *dir) open(name string, flag int, perm fs.FileMode, as string) (*os.File, error) {
	fd, err := openAt(d.fd, name, flag|unix.O_NOFOLLOW, uint32(perm))
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), as), nil
}

func (d *dir) lstat(name string) (stat, error) {
	var st unix.Stat_t
	if err := again(func() error { return unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) }); err != nil {
		return stat{}, err
	}
	return newStat(&st), nil
}

// statFile is what is known of an open file.
func statFile(f *os.File) (s stat, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return stat{}, err
	}
	var st unix.Stat_t
	cerr := conn.Control(func(fd uintptr) { err = again(func() error { return unix.Fstat(int(fd), &st) }) })
	if err = errors.Join(cerr, err); err != nil {
		return stat{}, &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return newStat(&st), nil
}

func (d *dir) readlink(name string) (string, error) {
	for size := 256; ; size *= 2 {
		b := make([]byte, size)
		var n int
		err := again(func() (err error) {
			n, err = unix.Readlinkat(d.fd, name, b)
			return err
		})
		if err != nil {
			return "", err
		}
		if n < size {
			return string(b[:n]), nil
		}
	}
}

func (d *dir) symlink(target, name string) error {
	return again(func() error { return unix.Symlinkat(target, d.fd, name) })
}

func (d *dir) remove(name string) error {
	return again(func() error { return unix.Unlinkat(d.fd, name, 0) })
}

// rename gives a file of d the name to in the directory at, in place of what has it.
func (d *dir) rename(from string, at *dir, to string) error {
	return again(func() error { return unix.Renameat(d.fd, from, at.fd, to) })
}

// link gives a file of d another name. One that is taken is fs.ErrExist.
func (d *dir) link(from string, at *dir, to string) error {
	return again(func() error { return unix.Linkat(d.fd, from, at.fd, to, 0) })
}

// chtimes sets a file's times; a zero time is left as it is.
func (d *dir) chtimes(name string, access, mod time.Time) error {
	var st unix.Stat_t
	if err := again(func() error { return unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) }); err != nil {
		return err
	}
	ts := []unix.Timespec{st.Atim, st.Mtim}
	for i, t := range []time.Time{access, mod} {
		if t.IsZero() {
			continue
		}
		var err error
		if ts[i], err = unix.TimeToTimespec(t); err != nil {
			return err
		}
	}
	if ts[0] == st.Atim && ts[1] == st.Mtim { // which may be all that is allowed
		return nil
	}
	return again(func() error { return unix.UtimesNanoAt(d.fd, name, ts, unix.AT_SYMLINK_NOFOLLOW) })
}

// sync makes changes of the directory last. A file system that does not sync directories is no error.
func (d *dir) sync(s Sync) error {
	if s == SyncNone || !d.readable {
		return nil
	}
	err := syncFD(d.fd, s)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// syncFile syncs an open file.
func syncFile(f *os.File, s Sync) error {
	if s == SyncNone {
		return nil
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	cerr := conn.Control(func(fd uintptr) { err = syncFD(int(fd), s) })
	if err = errors.Join(cerr, err); err != nil {
		return &fs.PathError{Op: "sync", Path: f.Name(), Err: bare(err)}
	}
	return nil
}

// A stat is what is known of a file.
type stat struct {
	mode     fs.FileMode
	dev, ino uint64
	links    uint64
	uid, gid uint32
	size     int64
	modTime  time.Time

	attributes uint64 // of statx(2), if look found it
}

func newStat(st *unix.Stat_t) stat {
	return stat{
		mode: kindOf(uint32(st.Mode)) | fs.FileMode(st.Mode&0o777),
		dev:  uint64(st.Dev), ino: st.Ino, links: uint64(st.Nlink), //nolint:unconvert // their types differ
		uid: st.Uid, gid: st.Gid, size: st.Size, modTime: time.Unix(st.Mtim.Unix()),
	}
}

func kindOf(mode uint32) fs.FileMode {
	if kind, known := kinds[mode&unix.S_IFMT]; known {
		return kind
	}
	return fs.ModeIrregular
}

var kinds = map[uint32]fs.FileMode{
	unix.S_IFREG: 0, unix.S_IFDIR: fs.ModeDir, unix.S_IFLNK: fs.ModeSymlink, unix.S_IFIFO: fs.ModeNamedPipe,
	unix.S_IFSOCK: fs.ModeSocket, unix.S_IFBLK: fs.ModeDevice, unix.S_IFCHR: fs.ModeDevice | fs.ModeCharDevice,
}

// same reports whether both are of one file.
func (s stat) same(other stat) bool { return s.dev == other.dev && s.ino == other.ino }

// ours reports whether a file may have been made by this user. Root may have given it away.
func (s stat) ours() bool { return int(s.uid) == unix.Geteuid() || unix.Geteuid() == 0 }

// owner is whose the file is.
func (s stat) owner() (uid, gid int) { return int(s.uid), int(s.gid) }

// chown sets the owner and the group of f, if they are others. -1 leaves what there is.
func chown(f *os.File, uid, gid int) error {
	have, err := statFile(f)
	if err == nil && (uid == -1 || uid == int(have.uid)) && (gid == -1 || gid == int(have.gid)) {
		return nil
	}
	return f.Chown(uid, gid)
}

// keepOwner gives f the owner and the group of an old file, as far as it can, and reports whether the group
// is right.
func keepOwner(f *os.File, old stat) (group bool) {
	uid, gid := old.owner()
	return chown(f, uid, gid) == nil || chown(f, -1, gid) == nil
}

// gives reports whether a new file in d belongs to a user and a group, -1 being any, and to nobody else as well.
func (d *dir) gives(uid, gid int) bool {
	if uid != -1 && uid != unix.Geteuid() || gid != -1 && gid != unix.Getegid() {
		return false
	}
	var st unix.Stat_t // the group is that of the process or of the directory
	err := again(func() error { return unix.Fstat(d.fd, &st) })
	return err == nil && int(st.Gid) == unix.Getegid() && !d.hasDefaultACL()
}

// removed reports whether the directory is in no other one any more.
func (d *dir) removed() bool {
	var st unix.Stat_t
	err := again(func() error { return unix.Fstat(d.fd, &st) })
	return err == nil && st.Nlink == 0
}

// obstacle is why the file called name cannot be replaced, as far as that can be known before it is tried.
func (d *dir) obstacle(name string, old stat) error {
	if err := old.immovable(); err != nil {
		return err
	}
	user := unix.Geteuid()
	if user == 0 {
		return nil
	}
	err := again(func() error { return unix.Faccessat(d.fd, ".", unix.W_OK|unix.X_OK, unix.AT_EACCESS) })
	if errors.Is(err, fs.ErrPermission) && d.writable(name) {
		return &ReplaceError{Closed: true, Err: errors.New("its directory may not be written to")}
	}
	if int(old.uid) == user {
		return nil
	}
	var st unix.Stat_t
	err = again(func() error { return unix.Fstat(d.fd, &st) })
	if err == nil && uint32(st.Mode)&unix.S_ISVTX != 0 && int(st.Uid) != user && d.writable(name) {
		return &ReplaceError{Closed: true, Err: errors.New("it belongs to another user, and its directory is sticky")}
	}
	return nil
}

// writable reports whether this process may write to the file called name.
func (d *dir) writable(name string) bool {
	return again(func() error { return unix.Faccessat(d.fd, name, unix.W_OK, unix.AT_EACCESS) }) == nil
}

// mayNotOwn reports whether a chown failed for want of a right, or because the file system has no owners.
func mayNotOwn(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EINVAL) || errors.Is(err, errors.ErrUnsupported)
}
