//go:build unix

package copytree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/sinks"
)

// nonblock makes the opening of what is no regular file any more return at once.
const nonblock = unix.O_NONBLOCK

// owner is a file's user and group.
func owner(info fs.FileInfo) *sinks.Owner {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return &sinks.Owner{UID: int(st.Uid), GID: int(st.Gid)}
}

// device tells file systems apart.
func device(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev)
	}
	return 0
}

// keepOwner gives a copy its source's owner, if this user may, and returns the mode that is right then: the bits that
// let a program act for its owner would act for another user.
func keepOwner(root *os.Root, name string, info fs.FileInfo) (fs.FileMode, error) {
	mode := info.Mode()
	o := owner(info)
	if o == nil {
		return mode, nil
	}
	switch err := root.Lchown(name, o.UID, o.GID); {
	case errors.Is(err, fs.ErrPermission):
		return mode &^ (fs.ModeSetuid | fs.ModeSetgid), nil
	case err != nil:
		return mode, err
	}
	return mode, nil
}

// keepTimes gives a directory or a symbolic link its source's times. [os.Root.Chtimes] counts nanoseconds in 64 bits, which end in 1678
// and in 2262.
func keepTimes(root *os.Root, name string, info fs.FileInfo) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	var times [2]unix.Timespec
	for i, t := range []time.Time{accessTime(info), info.ModTime()} {
		if times[i], err = unix.TimeToTimespec(t); err != nil {
			return err
		}
	}
	return unix.UtimesNanoAt(int(dir.Fd()), name, times[:], unix.AT_SYMLINK_NOFOLLOW)
}

// lostTime says that the copy has another time than the source. A file system takes one that it has, and reports success. Its unit may
// be as large as the two seconds of FAT.
func lostTime(src, copied fs.FileInfo) error {
	want, got := src.ModTime(), copied.ModTime()
	if got.Sub(want).Abs() <= 2*time.Second {
		return nil
	}
	return fmt.Errorf("its time %s cannot be kept: the file system made %s of it", want.UTC().Format(time.DateTime), got.UTC().Format(time.DateTime))
}

// keepSpecialBits gives a copy the bits that let a program act for its owner, if the owner is the same.
func keepSpecialBits(root *os.Root, name string, info fs.FileInfo) error {
	stat, chmod := os.Stat, os.Chmod
	if root != nil {
		stat, chmod = root.Stat, root.Chmod
	}
	copied, err := stat(name)
	if err != nil {
		return err
	}
	mode := info.Mode()
	if o, is := owner(info), owner(copied); o == nil || is == nil || *o != *is {
		mode &^= fs.ModeSetuid | fs.ModeSetgid
	}
	return chmod(name, mode)
}

// isSparse reports whether a file has holes.
func isSparse(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Blocks*512 < info.Size()
}
