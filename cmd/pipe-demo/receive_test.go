//go:build unix

package main

import (
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
)

// A directory in which no file can be made, or written, is found before the server listens.
func TestReceiveTriesItsDirectory(t *testing.T) {
	user := []string{"sh", "-c", "exec pipe-demo \"$@\"", "sh"}
	small := []string{"sh", "-c", "ulimit -f 0 && exec pipe-demo \"$@\"", "sh"}
	tests := []struct {
		name string
		run  []string
		mode fs.FileMode
		want string
	}{
		{"no room", small, 0o755, "pipe-demo: receive: box: cannot create files: file too large\n"},
		{"no permission", user, 0o555, "pipe-demo: receive: box: cannot create files: permission denied\n  this user may not write there\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.mode&0o200 == 0 && os.Geteuid() == 0 {
				t.Skip("SKIPPED: root may write everywhere")
			}
			dir := newUploads(t)
			box := filepath.Join(dir, "box")
			if err := os.Chmod(box, test.mode); err != nil {
				t.Fatal(err)
			}
			before := files(t, box)
			cmd := exec.Command(test.run[0], append(test.run[1:], "receive", "--addr", "127.0.0.1:0", "box")...)
			cmd.Dir = dir
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, _ := cmd.Output()
			if got := cmd.ProcessState.ExitCode(); got != cli.ExitFailed || len(out) > 0 || stderr.String() != test.want {
				t.Errorf("exit code %d, stdout %q, stderr %q", got, out, stderr.String())
			}
			if left := files(t, box); len(left) != len(before) {
				t.Errorf("left %q", left)
			}
		})
	}
}

// A disk that is full is an answer that says so, and nothing is left of the file.
func TestReceiveFullDisk(t *testing.T) {
	dir := newUploads(t)
	p := &process{Cmd: exec.Command("sh", "-c", "ulimit -f 4096 && exec pipe-demo receive --addr 127.0.0.1:0 box")}
	p.Dir, p.Stderr = dir, &p.stderr
	p.out, _ = p.StdoutPipe()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill() })
	_, url := listening(t, p)
	if err := os.WriteFile(filepath.Join(dir, "box", "in"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"run in ! URL", "run in ! gzip level=0 ! URL", "put --retries 0 - URL"} {
		cmd := exec.Command("pipe-demo", strings.Fields(strings.ReplaceAll(args, "URL", url+"in"))...)
		cmd.Dir, cmd.Stdin = dir, struct{ io.Reader }{bytes.NewReader(letters(putSize))}
		out, _ := cmd.CombinedOutput()
		said := strings.Contains(string(out), "507 Insufficient Storage") && strings.Contains(string(out), "\n  the server's disk is full\n")
		if got := cmd.ProcessState.ExitCode(); got != cli.ExitNetwork || !said {
			t.Errorf("%s: exit code %d: %s", args, got, out)
		}
		if left := strings.Join(files(t, filepath.Join(dir, "box")), " "); left != "in" {
			t.Errorf("%s: the box has %s", args, left)
		}
	}
	if old, err := os.ReadFile(filepath.Join(dir, "box", "in")); err != nil || string(old) != "old" {
		t.Errorf("the old file is %q, %v", old, err)
	}
	p.Process.Signal(syscall.SIGTERM)
	if got := p.wait(t); got != 0 || !strings.Contains(p.stderr.String(), "level=ERROR msg=request method=PUT path=/in status=507 ") {
		t.Errorf("exit code %d: %s", got, p.stderr.String())
	}
}

// An upload under way is finished after the signal, or aborted at the end of the grace period.
func TestReceiveGrace(t *testing.T) {
	for _, grace := range []string{"1m", "50ms"} {
		dir := newUploads(t)
		p, url := startReceiver(t, dir, "127.0.0.1:0", "--grace", grace)
		r, w := io.Pipe()
		req, err := http.NewRequest(http.MethodPut, url+"x", r)
		if err != nil {
			t.Fatal(err)
		}
		status := make(chan int, 1)
		go func() {
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				status <- 0
				return
			}
			resp.Body.Close()
			status <- resp.StatusCode
		}()
		data := letters(16 << 20) // more than the sockets' buffers hold
		if _, err := w.Write(data[:len(data)-1]); err != nil {
			t.Fatal(err)
		}
		p.Process.Signal(syscall.SIGTERM)
		want, left := 201, "x"
		if grace == "1m" {
			for { // until it has stopped listening
				resp, err := http.Get(url)
				if err != nil {
					break
				}
				resp.Body.Close()
			}
			w.Write(data[len(data)-1:])
			w.Close()
		} else {
			want, left = 0, ""
		}
		if got := p.wait(t); got != 0 {
			t.Errorf("%s: exit code %d: %s", grace, got, p.stderr.String())
		}
		w.Close()
		if got := <-status; got != want {
			t.Errorf("%s: status %d, want %d", grace, got, want)
		}
		if got := strings.Join(files(t, filepath.Join(dir, "box")), " "); got != left {
			t.Errorf("%s: the box has %q", grace, got)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "box", "x")); left == "x" && (err != nil || !bytes.Equal(b, data)) {
			t.Errorf("%d bytes, %v", len(b), err)
		} else if left == "" && !os.IsNotExist(err) {
			t.Errorf("%v, want %v", err, fs.ErrNotExist)
		}
	}
}
