package ioctx

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// reopen opens the pipe or terminal behind fd again, in non-blocking mode. It returns false if this
// is not possible, or would open another file.
func reopen(fd, mode int) (int, bool) {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return 0, false
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFIFO:
	case unix.S_IFCHR:
		// Opening /dev/ptmx (5, 2) makes a new pseudoterminal.
		if !isTerminal(fd) || st.Rdev == unix.Mkdev(5, 2) {
			return 0, false
		}
	default:
		return 0, false
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return 0, false
	}
	if access := flags & unix.O_ACCMODE; access != unix.O_RDWR && access != mode {
		return 0, false // the duplicate fails with EBADF, as fd does
	}
	// O_DIRECT is a pipe's packet mode; without O_NOCTTY, the terminal could become the controlling terminal of this process.
	flags = mode | flags&unix.O_DIRECT | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	var fresh int
	for {
		fresh, err = unix.Open("/proc/self/fd/"+strconv.Itoa(fd), flags, 0)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return 0, false
	}
	var now unix.Stat_t
	if unix.Fstat(fresh, &now) != nil || now.Dev != st.Dev || now.Ino != st.Ino {
		unix.Close(fresh)
		return 0, false
	}
	if fresh > 2 {
		return fresh, true
	}
	high, err := dup(fresh)
	unix.Close(fresh)
	return high, err == nil
}
