//go:build unix && !aix && !linux

package ioctx

// reopen returns false: opening a name in /dev/fd, if it exists, makes a duplicate with the same flags.
func reopen(int, int) (int, bool) { return 0, false }
