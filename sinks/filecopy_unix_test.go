//go:build unix

package sinks_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// canKeepHoles says that holes are kept without being asked for.
const canKeepHoles = runtime.GOOS == "linux"

// allocated returns how many bytes of the disk a file has.
func allocated(t testing.TB, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return int64(info.Sys().(*syscall.Stat_t).Blocks) * 512
}
