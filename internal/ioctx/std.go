package ioctx

import "os"

// CheckDescriptor fails with EBADF if a standard descriptor, 0 to 2, was closed when the process started (sh: <&-). The runtime has opened
// /dev/null for it then, for reading and writing, so that no other file gets its number; an input would look empty, and an output would be
// lost. In Go alone nothing tells that from a /dev/null that the parent has opened in this way; a program that knows says so with
// [OpenAtStart].
func CheckDescriptor(fd int) error {
	if fd < len(openAtStart) && openAtStart[fd] {
		return nil
	}
	return checkDescriptor(fd)
}

var openAtStart [3]bool

// OpenAtStart says that the standard descriptor fd was open when the process started. It must be called before any other function.
func OpenAtStart(fd int) { openAtStart[fd] = true }

// Descriptor returns which descriptor of this process a name such as /dev/stdin or /proc/self/fd/3 stands for, if it stands for one, also
// through symbolic links.
func Descriptor(name string) (fd int, ok bool) { return descriptor(name) }

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
// Unix and Windows return [errors.ErrUnsupported]. A standard input that is closed is an error: see [CheckDescriptor].
func Stdin() (*os.File, error) { return duplicate(os.Stdin, os.O_RDONLY) }

// Stdout opens the process's standard output as another file, as [Stdin] does for the input.
//
// A write to a pipe without a reader returns EPIPE. (The Go runtime ends the process only if that happens on
// descriptor 1 or 2, which the file never has.) Close does not end the stream for the reader, because
// [os.Stdout] stays open.
func Stdout() (*os.File, error) { return duplicate(os.Stdout, os.O_WRONLY) }
