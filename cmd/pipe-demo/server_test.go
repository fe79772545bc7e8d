//go:build unix

package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
)

// startServer starts serve and returns the URL that its one line on standard output names.
func startServer(t *testing.T, dir string, args ...string) (*process, string) {
	t.Helper()
	return listening(t, startProcess(t, dir, append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...))
}

// listening waits for the line of a server that has been started.
func listening(t *testing.T, p *process) (*process, string) {
	t.Helper()
	line, err := bufio.NewReader(p.out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "listening on ")
	if !ok || !strings.Contains(url, "://127.0.0.1:") || !strings.HasSuffix(url, "/") {
		p.Process.Kill()
		t.Fatalf("%s said %q, %v; stderr: %s", p.Args[1], line, err, p.stderr.String())
	}
	return p, url
}

func get(t *testing.T, url, ranges string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ranges != "" {
		req.Header.Set("Range", ranges)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

// Without a path serve has a tune of its own, whole and in ranges; SIGINT and SIGTERM end it with exit 0.
func TestServeTune(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p, url := startServer(t, t.TempDir())
		for _, name := range []string{"", "tune.mp3"} {
			resp, body := get(t, url+name, "")
			if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "audio/mpeg" || !bytes.Equal(body, tune) {
				t.Errorf("/%s: %s, %s, %d bytes", name, resp.Status, resp.Header.Get("Content-Type"), len(body))
			}
		}
		resp, body := get(t, url, "bytes=100000-100009")
		if resp.StatusCode != 206 || !bytes.Equal(body, tune[100000:100010]) {
			t.Errorf("a range: %s, %d bytes", resp.Status, len(body))
		}
		if resp, _ := get(t, url+"other", ""); resp.StatusCode != 404 {
			t.Errorf("another name: %s", resp.Status)
		}
		p.Process.Signal(sig)
		if got := p.wait(t); got != 0 || strings.Count(p.stderr.String(), " msg=request method=GET path=/") != 4 || strings.Count(p.stderr.String(), "\n") != 4 {
			t.Errorf("%v: exit code %d, stderr %q", sig, got, p.stderr.String())
		}
	}
}

// A file answers at / and at its name, a directory with its files.
func TestServePath(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.txt": "hello\n", "index.html": "<p>"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ path, at, want string }{
		{"a.txt", "", "hello\n"}, {"a.txt", "a.txt", "hello\n"}, {".", "a.txt", "hello\n"}, {".", "", "<p>"},
	} {
		p, url := startServer(t, dir, test.path)
		if resp, body := get(t, url+test.at, ""); resp.StatusCode != 200 || string(body) != test.want {
			t.Errorf("serve %s, /%s: %s %q", test.path, test.at, resp.Status, body)
		}
		p.Process.Signal(syscall.SIGINT)
		if got := p.wait(t); got != 0 {
			t.Errorf("exit code %d: %s", got, p.stderr.String())
		}
	}
}

// A transfer under way is finished after the signal.
func TestServeFinishesWhatIsUnderWay(t *testing.T) {
	dir := t.TempDir()
	want := letters(8 << 20) // more than the sockets' buffers hold
	if err := os.WriteFile(filepath.Join(dir, "big"), want, 0o644); err != nil {
		t.Fatal(err)
	}
	p, url := startServer(t, dir, "big", "--grace", "1m")
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 1000)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	p.Process.Signal(syscall.SIGTERM)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(append(first, rest...), want) {
		t.Errorf("after the signal came %d bytes of %d, %v", len(rest), len(want), err)
	}
	if got := p.wait(t); got != 0 {
		t.Errorf("exit code %d: %s", got, p.stderr.String())
	}
}

// A second signal does not wait for anything. One within half a second of the first is taken for the same.
func TestSecondSignalExitsAtOnce(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "big"), letters(8<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	p, url := startServer(t, dir, "big", "--grace", "1h")
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	p.Process.Signal(syscall.SIGINT)
	for { // until it has stopped listening, and so has seen the first signal
		conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
		if err != nil {
			break
		}
		conn.Close()
	}
	exited := make(chan struct{})
	var signals errgroup.Group
	signals.Go(func() error {
		for {
			p.Process.Signal(syscall.SIGTERM)
			select {
			case <-exited:
				return nil
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	got := p.wait(t)
	close(exited)
	signals.Wait()
	if got != 143 {
		t.Errorf("exit code %d, want 143: %s", got, p.stderr.String())
	}
}

// What does not finish within the grace period is aborted, and that is exit 0, too.
func TestServeGraceEnds(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "big"), letters(8<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	p, url := startServer(t, dir, "big", "--grace", "10ms")
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	p.Process.Signal(syscall.SIGTERM)
	if got := p.wait(t); got != 0 || !strings.Contains(p.stderr.String(), "aborted after 10ms") {
		t.Errorf("exit code %d: %s", got, p.stderr.String())
	}
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("the response ended cleanly after %d bytes", n)
	}
}

// An address in use is an error that says so.
func TestServeAddressInUse(t *testing.T) {
	p, url := startServer(t, t.TempDir())
	addr := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
	out, err := exec.Command("pipe-demo", "serve", "--addr", addr).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the address is in use") {
		t.Errorf("%v: %s", err, out)
	}
	p.Process.Signal(syscall.SIGINT)
	p.wait(t)
}

// put sends the file with its length; the answer decides about the exit code.
func TestPut(t *testing.T) {
	dir := t.TempDir()
	data := letters(3 << 20)
	if err := os.WriteFile(filepath.Join(dir, "in"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%x", sha256.Sum256(data))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		status := map[string]int{"/ok/in": 201, "/stdin": 201, "/no": 403, "/down": 503, "/moved": 301}[r.URL.Path]
		if got := fmt.Sprintf("%x", sha256.Sum256(body)); r.Method != http.MethodPut || err != nil || got != want {
			status = http.StatusTeapot
		}
		if (r.URL.Path == "/stdin") != (r.ContentLength < 0) {
			status = http.StatusLengthRequired
		}
		w.WriteHeader(status)
		io.WriteString(w, "so it is\n")
	}))
	defer srv.Close()
	for _, test := range []struct {
		args string
		want int
		said string
	}{
		{"put in URL/ok/", 0, "3.0 MiB sent"},
		{"put -q in URL/ok/in", 0, ""},
		{"run in ! tee [ copy ] ! URL/ok/in", 0, ""},
		{"put - URL/stdin", 0, "sent"},
		{"put in URL/no", cli.ExitFailed, "403 Forbidden"},
		{"put --retries 0 in URL/down", cli.ExitNetwork, "503 Service Unavailable"},
		{"put in URL/moved", cli.ExitFailed, "301 Moved Permanently"},
		{"run in ! tee [ none ] ! URL/down", cli.ExitNetwork, "503"},
	} {
		cmd := exec.Command("pipe-demo", strings.Fields(strings.ReplaceAll(test.args, "URL", srv.URL))...)
		var stderr bytes.Buffer
		cmd.Dir, cmd.Stderr = dir, &stderr
		cmd.Stdin = struct{ io.Reader }{bytes.NewReader(data)} // a pipe
		cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != test.want || !strings.Contains(stderr.String(), test.said) || test.said == "" && stderr.Len() > 0 {
			t.Errorf("%s: exit code %d, want %d; said %q", test.args, got, test.want, stderr.String())
		}
	}
	if got := strings.Join(files(t, dir), " "); got != "copy in" {
		t.Errorf("files: %s", got)
	}
}

// The demo works on a machine with nothing set up, and leaves nothing behind, also when it is interrupted.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	run := func(interrupt bool) {
		p := &process{Cmd: exec.Command("pipe-demo", "demo")}
		p.Env = append(os.Environ(), "TMPDIR="+dir)
		p.Stderr = &p.stderr
		p.out, _ = p.StdoutPipe()
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		out := bufio.NewReader(p.out)
		first, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if interrupt {
			p.Process.Signal(syscall.SIGINT)
		}
		rest, _ := io.ReadAll(out)
		want := 0
		if interrupt {
			want = 130
		}
		if got := p.wait(t); got != want {
			t.Errorf("exit code %d, want %d: %s", got, want, p.stderr.String())
		}
		if !interrupt && strings.Count(string(rest), "   equal\n") != 3 {
			t.Errorf("said %s%s", first, rest)
		}
		if left := files(t, dir); len(left) > 0 {
			t.Errorf("left %q", left)
		}
	}
	run(false)
	run(true)
}
