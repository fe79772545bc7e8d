package ioctx

import "golang.org/x/sys/unix"

const pipeBuf = 4096

func wait(fd, wake int, events int16) (woken bool, err error) { return waitPoll(fd, wake, events) }

// isMemoryDevice reports whether st is /dev/null, /dev/zero or one of their kind. They never wait.
func isMemoryDevice(st *unix.Stat_t) bool { return unix.Major(uint64(st.Rdev)) == 1 }

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}
