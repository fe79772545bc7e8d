//go:build unix && !aix && !darwin && !linux

package ioctx

func wait(fd, wake int, events int16) (woken bool, err error) { return waitPoll(fd, wake, events) }
