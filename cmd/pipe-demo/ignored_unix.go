//go:build unix

package main

import (
	"os"
	"syscall"
)

// ignored are signals that a write would bring and that end a process: the error of the write is
// enough, and lets what is unfinished be undone.
var ignored = []os.Signal{syscall.SIGPIPE, syscall.SIGXFSZ}
