package ioctx

// poll(2) says under BUGS that it does not support devices, terminals among them.
func wait(fd, wake int, events int16) (woken bool, err error) { return waitSelect(fd, wake, events) }
