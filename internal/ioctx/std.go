package ioctx

import "os"

// Stdin opens the process's standard input as another file, whose Close leaves [os.Stdin] open.
// Its reads, through [Reader], can be interrupted.
//
// On Linux, a pipe or terminal gets a new open file description with O_NONBLOCK, through /proc/self/fd: deadlines
// work, and the flags of the inherited description, which other processes share, do not change (a shell left with a
// non-blocking terminal fails at its next read). If that is not possible (no /proc, or a terminal of another user
// after su), for sockets, which cannot be opened by name, and on other systems, it is a duplicate, and Reader waits
// with poll(2). A regular file is duplicated as well, to keep its offset; a reopened file would start at 0.
//
// On Windows, a read from a pipe is ended by Close, and one from a console cannot be interrupted. Systems other than
// Unix and Windows return [errors.ErrUnsupported].
func Stdin() (*os.File, error) { return open(os.Stdin, os.O_RDONLY) }

// Stdout opens the process's standard output as another file, as [Stdin] does for the input.
//
// A write to a pipe without a reader returns EPIPE. (The Go runtime ends the process only if that happens on
// descriptor 1 or 2, which the file never has.) Close does not end the stream for the reader, because
// [os.Stdout] stays open.
func Stdout() (*os.File, error) { return open(os.Stdout, os.O_WRONLY) }
