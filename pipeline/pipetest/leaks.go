package pipetest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"testing"
	"time"
)

// NoLeaks fails the test if at its end a goroutine runs that did not when NoLeaks
// was called or, on Linux, a file is open that was not. It checks after the
// cleanups that are registered later, so call it first. It checks the whole process, and
// is not for tests that run in parallel with others. Goroutines get a second to end.
func NoLeaks(t testing.TB) {
	t.Helper()
	before, files := goroutines(), openFiles()
	t.Cleanup(func() {
		t.Helper()
		if left := settle(before, time.Second); len(left) > 0 {
			t.Errorf("%d goroutines are left:\n\n%s", len(left), strings.Join(left, "\n\n"))
		}
		if left := filesLeft(files); len(left) > 0 {
			t.Errorf("%d files are left open: %s", len(left), strings.Join(left, ", "))
		}
	})
}

// goroutines returns the stacks of the goroutines that run now, by their id, except
// those of the runtime, the testing package and os/signal.
func goroutines() map[string]string {
	buf := make([]byte, 64<<10)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	all := make(map[string]string)
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
		if !background(stack) {
			all[id] = stack
		}
	}
	return all
}

// background reports whether a goroutine belongs to the process and not to a flow.
func background(stack string) bool {
	for _, sign := range []string{
		"created by testing.", // other tests, the alarm of -timeout
		"created by testing/synctest.",
		"created by internal/synctest.",
		"created by runtime", // cleanups, finalizers, profiles
		"runtime.ReadTrace",
		"created by os/signal.",
		"os/signal.signal_recv",
		"testing.(*M).Run(",
	} {
		if strings.Contains(stack, sign) {
			return true
		}
	}
	return false
}

// settle waits until no goroutine is left that did not run before, at most for
// limit, and returns the stacks of those that are left.
func settle(before map[string]string, limit time.Duration) []string {
	var left []string
	eventually(limit, func() bool {
		left = nil
		for id, stack := range goroutines() {
			if _, known := before[id]; !known {
				left = append(left, stack)
			}
		}
		return len(left) == 0
	})
	sort.Strings(left)
	return left
}

// eventually calls done until it returns true, at most for limit, and returns its last
// result. Goroutines are polled for because nothing announces their end.
func eventually(limit time.Duration, done func() bool) bool {
	start := time.Now()
	for pause := time.Microsecond; !done(); pause = min(2*pause, 5*time.Millisecond) {
		if time.Since(start) > limit {
			return false
		}
		time.Sleep(pause)
	}
	return true
}

// openFiles returns the targets of the process's file descriptors, or nil where
// there is no /proc.
func openFiles() map[string]string {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	files := make(map[string]string)
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil { // the one that read the directory
			continue
		}
		files[e.Name()] = target
	}
	return files
}

// filesLeft returns the files that are open now and were not before.
func filesLeft(before map[string]string) []string {
	if before == nil {
		return nil
	}
	var left []string
	for fd, target := range openFiles() {
		if before[fd] != target && !strings.HasPrefix(target, "anon_inode:") { // the runtime's poller
			left = append(left, fmt.Sprintf("%s (descriptor %s)", target, fd))
		}
	}
	sort.Strings(left)
	return left
}
