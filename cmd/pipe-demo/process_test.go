//go:build unix

package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
)

// A process is the command under way, with a flow that is surely running: it copies standard input to a file and to
// standard output, and what went in has come out.
type process struct {
	*exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	stderr bytes.Buffer
}

func startProcess(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command("pipe-demo", args...)}
	p.Dir, p.Stderr = dir, &p.stderr
	var err error
	if p.in, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if p.out, err = p.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill() })
	return p
}

// pass sends a line through the flow and waits for it.
func (p *process) pass(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(p.in, "through\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(p.out).ReadString('\n'); line != "through\n" {
		t.Fatalf("the flow passed %q, %v; stderr: %s", line, err, p.stderr.String())
	}
}

// wait returns the exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	err := p.Wait()
	if p.ProcessState == nil {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range found {
		names = append(names, f.Name())
	}
	return names
}

// A signal cancels the flow, nothing is left of its outputs, what was there before stays, and the message says so.
func TestSignalUndoes(t *testing.T) {
	for sig, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "old"), []byte("precious"), 0o644); err != nil {
			t.Fatal(err)
		}
		p := startProcess(t, dir, strings.Fields("run -f - ! tee [ new ] [ gzip ! old ] ! -")...)
		p.pass(t)
		p.Process.Signal(sig)
		if got := p.wait(t); got != want {
			t.Errorf("%v: exit code %d, want %d", sig, got, want)
		}
		if left := files(t, dir); strings.Join(left, " ") != "old" {
			t.Errorf("%v: left %q", sig, left)
		}
		if old, _ := os.ReadFile(filepath.Join(dir, "old")); string(old) != "precious" {
			t.Errorf("%v: old is now %q", sig, old)
		}
		said := "pipe-demo: " + (cli.SignalError{Signal: sig}).Error() + ": removed the unfinished new; old is as it was before\n"
		if got := p.stderr.String(); got != said {
			t.Errorf("%v: said %q, want %q", sig, got, said)
		}
	}
}

// A signal that was ignored when the command started stays ignored: SIGHUP under nohup, SIGINT in a background job of a shell.
func TestIgnoredSignalsStayIgnored(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			if sig == syscall.SIGTERM && !hasC() {
				t.Skip("NOT RUN: built without C, which alone can look before the Go runtime catches SIGTERM")
			}
			dir := t.TempDir()
			p := &process{Cmd: exec.Command("sh", "-c", `trap "" `+name+`; exec pipe-demo run - ! tee [ copy ] ! -`)}
			p.Dir = dir
			p.in, _ = p.StdinPipe()
			p.out, _ = p.StdoutPipe()
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { p.Process.Kill() })
			p.pass(t)
			p.Process.Signal(sig)
			p.in.Close()
			if got := p.wait(t); got != 0 {
				t.Errorf("exit code %d, want 0", got)
			}
			if copied, _ := os.ReadFile(filepath.Join(dir, "copy")); string(copied) != "through\n" {
				t.Errorf("copied %q", copied)
			}
		})
	}
}

// When the reader of standard output has closed it, the flow stops, its other branches are undone, and nothing is said.
// Standard output has several names.
func TestClosedStdout(t *testing.T) {
	names := []string{"-"}
	if runtime.GOOS == "linux" {
		names = append(names, "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
	}
	for _, name := range names {
		dir := t.TempDir()
		p := startProcess(t, dir, strings.Fields("run /dev/zero ! tee [ copy ] ! "+name)...)
		if _, err := io.ReadFull(p.out, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		p.out.Close()
		if got := p.wait(t); got != cli.ExitPipe {
			t.Errorf("%s: exit code %d, want %d", name, got, cli.ExitPipe)
		}
		if left := files(t, dir); len(left) > 0 || p.stderr.Len() > 0 {
			t.Errorf("%s: left %q, said %q", name, left, p.stderr.String())
		}
	}
}

// A reader that is gone ends the commands that only print, too.
func TestClosedStdoutOfList(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	var stderr bytes.Buffer
	cmd := exec.Command("pipe-demo", "list")
	cmd.Stdout, cmd.Stderr = w, &stderr
	cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != cli.ExitPipe || stderr.Len() > 0 {
		t.Errorf("exit code %d, said %q", got, stderr.String())
	}
}

// Standard error may be closed while the flow runs: the flow continues.
func TestClosedStderrDoesNotStopTheFlow(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in"), letters(100000), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("pipe-demo", strings.Fields("run --json in ! gzip ! out")...)
	cmd.Dir, cmd.Stderr = dir, w
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	if got := strings.Join(files(t, dir), " "); got != "in out" {
		t.Errorf("files: %s", got)
	}
}

// An output that comes into being while the flow runs is not replaced either.
func TestOutputAppearsMeanwhile(t *testing.T) {
	for flag, want := range map[string]int{"": cli.ExitExists, "-n": cli.ExitDone} {
		dir := t.TempDir()
		p := startProcess(t, dir, strings.Fields("run "+flag+" - ! tee [ out ] ! -")...)
		p.pass(t)
		if err := os.WriteFile(filepath.Join(dir, "out"), []byte("precious"), 0o644); err != nil {
			t.Fatal(err)
		}
		p.in.Close()
		if got := p.wait(t); got != want {
			t.Errorf("%q: exit code %d, want %d: %s", flag, got, want, p.stderr.String())
		}
		if out, _ := os.ReadFile(filepath.Join(dir, "out")); string(out) != "precious" {
			t.Errorf("%q: the file is now %q", flag, out)
		}
		if left := files(t, dir); len(left) != 1 {
			t.Errorf("%q: left %q", flag, left)
		}
	}
}
