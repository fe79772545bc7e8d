package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// nameMax is how many bytes a name in d may have.
func (d *dir) nameMax() int {
	var of unix.Statfs_t
	if again(func() error { return unix.Fstatfs(d.fd, &of) }) != nil || of.Namelen <= 0 {
		return maxName
	}
	return int(of.Namelen)
}

// look is lstat, and knows what the system keeps from being replaced. Old kernels and sandboxes do not tell.
func (d *dir) look(name string) (stat, error) {
	var st unix.Statx_t
	err := again(func() error {
		return unix.Statx(d.fd, name, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &st)
	})
	switch {
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, unix.EPERM):
		return d.lstat(name)
	case err != nil:
		return stat{}, err
	}
	return stat{
		mode: kindOf(uint32(st.Mode)) | fs.FileMode(st.Mode&0o777),
		dev:  unix.Mkdev(st.Dev_major, st.Dev_minor), ino: st.Ino, links: uint64(st.Nlink),
		uid: st.Uid, gid: st.Gid, size: int64(st.Size), modTime: time.Unix(st.Mtime.Sec, int64(st.Mtime.Nsec)),
		attributes: st.Attributes,
	}, nil
}

// immovable fails if a file cannot be replaced because of what look found.
func (s stat) immovable() error {
	switch {
	case s.attributes&unix.STATX_ATTR_MOUNT_ROOT != 0:
		return &ReplaceError{Err: errors.New("it is a mount point")}
	case s.attributes&unix.STATX_ATTR_IMMUTABLE != 0:
		return fmt.Errorf("the file is immutable (chattr +i): %w", fs.ErrPermission)
	case s.attributes&unix.STATX_ATTR_APPEND != 0:
		return fmt.Errorf("the file is append-only (chattr +a): %w", fs.ErrPermission)
	}
	return nil
}

// pseudo are the file systems, by the magic numbers of statfs(2), whose files the kernel makes up. To write to such
// a file calls a function of the kernel; there is no content that could be replaced or lost.
var pseudo = []uint32{
	unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.DEBUGFS_MAGIC,
	unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.SELINUX_MAGIC, unix.SMACK_MAGIC, unix.BINFMTFS_MAGIC,
	unix.RDTGROUP_SUPER_MAGIC,
	0x62656570, // configfs
	0x65735543, // fusectl
}

// isPseudo reports whether a file of d is made up by the kernel.
func (d *dir) isPseudo(file stat) bool {
	if unix.Major(file.dev) != 0 { // it is on a disk
		return false
	}
	var of unix.Statfs_t
	if again(func() error { return unix.Fstatfs(d.fd, &of) }) != nil || !slices.Contains(pseudo, uint32(of.Type)) {
		return false
	}
	var st unix.Stat_t                                                                               // another file may be mounted there
	return again(func() error { return unix.Fstat(d.fd, &st) }) == nil && uint64(st.Dev) == file.dev //nolint:unconvert // its type differs
}

// IsPseudo reports whether the file at path is one of a file system that the kernel makes up, like /proc and /sys.
func IsPseudo(path string) bool {
	var of unix.Statfs_t
	err := again(func() error { return unix.Statfs(path, &of) })
	return err == nil && slices.Contains(pseudo, uint32(of.Type))
}
