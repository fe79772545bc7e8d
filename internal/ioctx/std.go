package ioctx

import "os"

// Stdin opens the process's standard input anew, as a file of its own whose Close leaves [os.Stdin] open.
// Reads of it, through [Reader], can be interrupted.
//
// On Linux, a pipe or terminal gets a new open file description with O_NONBLOCK, by way of /proc/self/fd: so
// deadlines work, and neither the flags of the inherited description nor those of the other end change, which
// other processes share (a shell left with a non-blocking terminal fails at its next read). Where that is not possible
// (no /proc, or a terminal of another user after su), for sockets, which cannot be opened by name, and on other systems, it
// is a duplicate, and Reader waits with poll(2). A regular file is duplicated too, so that it goes on at the offset where the
// process got it; a file opened anew would start at 0.
//
// On Windows, a read from a pipe is ended by Close, and one from a console cannot be interrupted. Systems other than
// Unix and Windows answer [errors.ErrUnsupported].
func Stdin() (*os.File, error) { return open(os.Stdin, os.O_RDONLY) }

// Stdout opens the process's standard output anew, as [Stdin] does for the input; see there.
//
// A write to a pipe without a reader returns EPIPE. (The Go runtime ends the process for that on the descriptors 1 and 2
// only, and the file never has one of these.) Close does not end the stream for the reader, who waits for
// [os.Stdout] as well.
func Stdout() (*os.File, error) { return open(os.Stdout, os.O_WRONLY) }
