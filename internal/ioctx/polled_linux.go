package ioctx

import "golang.org/x/sys/unix"

const pipeBuf = 4096

// isMemoryDevice reports whether st is /dev/null, /dev/zero or a similar device, whose reads and writes never wait.
func isMemoryDevice(st *unix.Stat_t) bool { return unix.Major(uint64(st.Rdev)) == 1 }

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}
