//go:build unix

package main

import (
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// settle writes everything to the disk that waits for it.
func settle() { syscall.Sync() }

// peak returns the most memory that a program had at a time, in bytes. A child starts in its parent's memory and is charged
// with that, so what is not above the peak of a program that does nothing was somewhere below.
func peak(p *os.ProcessState) (bytes int64, below bool) {
	nothing := exec.Command("true")
	if err := nothing.Run(); err != nil {
		return 0, false
	}
	bytes = charged(p)
	return bytes, bytes <= charged(nothing.ProcessState)
}

func charged(p *os.ProcessState) int64 {
	usage, ok := p.SysUsage().(*syscall.Rusage)
	switch {
	case !ok:
		return 0
	case runtime.GOOS == "darwin" || runtime.GOOS == "ios":
		return int64(usage.Maxrss)
	}
	return int64(usage.Maxrss) << 10
}

// allocated returns how many bytes of a file are on the disk.
func allocated(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(s.Blocks) * 512
	}
	return 0
}
