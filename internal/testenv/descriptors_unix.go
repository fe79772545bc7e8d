//go:build unix

package testenv

import (
	"os"
	"syscall"
	"testing"
)

// NoDescriptors opens files until the process has no descriptor left, and returns them, so that the test can close some. At
// the end of the test everything is as it was. Tests that run at once would fail: the test must not be parallel.
func NoDescriptors(t testing.TB) (files []*os.File) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, f := range files {
			f.Close()
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	})
	few := before
	few.Cur = 100
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	for range few.Cur {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, f)
	}
	if len(files) < 10 {
		t.Skipf("SKIPPED: only %d descriptors were free", len(files))
	}
	return files
}
