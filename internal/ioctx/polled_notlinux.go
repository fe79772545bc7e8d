//go:build unix && !aix && !linux

package ioctx

import (
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

const pipeBuf = 512 // _POSIX_PIPE_BUF

func isMemoryDevice(*unix.Stat_t) bool { return false }

func isTerminal(fd int) bool { return term.IsTerminal(fd) }
