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
// was called or, on Linux, a file is open that was not. The end is after the
// cleanups that were registered later: call it first. It looks at the whole process, so
// it is not for tests that run in parallel with others. Goroutines get a second to
// finish what they are about.
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

// goroutines returns the stacks of the goroutines that run now, by their id, but
// for those that the runtime, the testing package and os/signal keep for themselves.
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

// settle waits until no goroutine is left that was not there before, at most for
// limit, and returns the stacks of those that are. A goroutine that has done its
// last work still needs a moment to be gone, and nothing tells when: this is the
// one place that has to ask again and again.
func settle(before map[string]string, limit time.Duration) []string {
	start := time.Now()
	for pause := time.Microsecond; ; pause = min(2*pause, 10*time.Millisecond) {
		var left []string
		for id, stack := range goroutines() {
			if _, known := before[id]; !known {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			return nil
		}
		if time.Since(start) > limit {
			sort.Strings(left)
			return left
		}
		runtime.Gosched()
		time.Sleep(pause)
	}
}

// openFiles returns what the process's file descriptors stand for, or nil where
// there is no /proc to tell.
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
