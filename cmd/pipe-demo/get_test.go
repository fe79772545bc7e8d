//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
)

// startGet starts a download in dir, and waits until what says that the file of that name in dir
// has it.
func startGet(t *testing.T, dir, file, what string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command("pipe-demo", append([]string{"get"}, args...)...)}
	p.Dir, p.Stderr = dir, &p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill() })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if b, err := os.ReadFile(filepath.Join(dir, file)); err == nil && strings.Contains(string(b), what) {
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %q in %s after a minute; files: %q", what, file, files(t, dir))
		}
	}
}

// resumed checks that a second run of get gets the rest of the file, and only that.
func resumed(t *testing.T, f *faultyServer, dir, path string) {
	t.Helper()
	before := len(f.requests())
	out, err := exec.Command("pipe-demo", "get", f.URL+path, filepath.Join(dir, "x")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "resuming at") {
		t.Errorf("the second run: %v: %s", err, out)
	}
	asked := f.requests()[before:]
	if len(asked) != 1 || !strings.HasPrefix(asked[0], path+" bytes=") {
		t.Errorf("the second run asked for %q", asked)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "x")); err != nil || !bytes.Equal(got, letters(faultySize)) {
		t.Errorf("the file has %d bytes, not those of the server's: %v", len(got), err)
	}
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("left %q", left)
	}
}

// A run that was killed, with no chance to do anything, is continued by the next one.
func TestGetGoesOnAfterKill(t *testing.T) {
	t.Parallel()
	f := newFaultyServer()
	defer f.Close()
	defer f.CloseClientConnections()
	dir := t.TempDir()
	p := startGet(t, dir, ".x.part.id", "synced", f.URL+"/trickle/x")
	p.Process.Kill()
	p.Wait()
	if left := strings.Join(files(t, dir), " "); left != ".x.part .x.part.id" {
		t.Fatalf("left %q", left)
	}
	resumed(t, f, dir, "/trickle/x")
}

// Ctrl-C keeps the partial download, and says how to resume.
func TestGetKeepsAtInterrupt(t *testing.T) {
	t.Parallel()
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		f := newFaultyServer()
		dir := t.TempDir()
		p := startGet(t, dir, ".x.part", "a", f.URL+"/stall/x")
		p.Process.Signal(sig)
		if got := p.wait(t); got != want {
			t.Errorf("%v: exit code %d, want %d", sig, got, want)
		}
		said := p.stderr.String()
		if !strings.HasPrefix(said, "pipe-demo: "+(cli.SignalError{Signal: sig}).Error()+"\n") || strings.Count(said, "\n") != 2 ||
			!strings.HasSuffix(said, "kept in .x.part; resume with: pipe-demo get "+f.URL+"/stall/x\n") {
			t.Errorf("%v: said %q", sig, said)
		}
		resumed(t, f, dir, "/stall/x")
		f.CloseClientConnections()
		f.Close()
	}
}
