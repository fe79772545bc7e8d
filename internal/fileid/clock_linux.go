package fileid

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// tick is less than any of the kernel's, and more than the parts of a second that file systems drop.
const tick = 500 * time.Microsecond

// clock is the one that changes are stamped with: it moves with the kernel's tick.
func clock() Time {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now) != nil {
		return Time{}
	}
	sec, nsec := now.Unix()
	return Time{sec, nsec}
}

// pause waits for a millisecond of this clock, which is not that of a synctest bubble.
func pause() {
	ms := unix.NsecToTimespec(int64(time.Millisecond))
	_ = unix.Nanosleep(&ms, nil) // a signal may interrupt it
}

// changesOf finds out how the file system of f keeps the times of changes.
func changesOf(f *os.File) changes {
	var st unix.Statfs_t
	conn, err := f.SyscallConn()
	if err != nil {
		return uncounted
	}
	cerr := conn.Control(func(fd uintptr) { err = unix.Fstatfs(int(fd), &st) })
	if cerr != nil || err != nil {
		return uncounted
	}
	switch uint32(st.Type) {
	case unix.FUSE_SUPER_MAGIC, unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC, unix.SQUASHFS_MAGIC, unix.EROFS_SUPER_MAGIC_V1,
		unix.CRAMFS_MAGIC, unix.ISOFS_SUPER_MAGIC, romfs, unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC:
		return uncounted
	case unix.NFS_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.V9FS_MAGIC, unix.CEPH_SUPER_MAGIC,
		unix.AFS_FS_MAGIC, unix.AFS_SUPER_MAGIC, unix.CODA_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC, gfs2, lustre:
		return remote
	}
	return local
}

// Not in package unix.
const (
	romfs  = 0x7275
	gfs2   = 0x01161970
	lustre = 0x0bd00bd0
)
