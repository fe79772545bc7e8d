//go:build unix

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
)

// putSize is the size of the file that is uploaded, in bytes: three requests and a bit.
const putSize = 25 << 20

// newUploads makes a directory with the file "in", and a directory "box" to receive it.
func newUploads(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in"), letters(putSize), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "box"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// inUploads returns the command that runs pipe-demo in such a directory, and remembers uploads there too.
func inUploads(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("pipe-demo", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "HOME="+dir)
	return cmd
}

func startReceiver(t *testing.T, dir, addr string, args ...string) (*process, string) {
	t.Helper()
	return listening(t, startProcess(t, dir, append([]string{"receive", "--addr", addr, "box"}, args...)...))
}

// startPut starts an upload that takes its time, and waits until the server has the first 8 MiB.
func startPut(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := &process{Cmd: inUploads(dir, append([]string{"put"}, args...)...)}
	p.Stderr = log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill() })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if size, settled := uploaded(dir); size >= 8<<20 && settled {
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server has not got 8 MiB after a minute: %q", files(t, filepath.Join(dir, "box")))
		}
	}
}

// said is what an upload has said so far.
func said(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// uploaded is how much of an unfinished upload is in the box, and whether no request is adding to it.
func uploaded(dir string) (size int64, settled bool) {
	records, _ := filepath.Glob(filepath.Join(dir, "box", ".tus-*.json"))
	for _, name := range records {
		record, err := os.ReadFile(name)
		info, ierr := os.Stat(strings.TrimSuffix(name, ".json"))
		if err == nil && ierr == nil {
			return info.Size(), !bytes.Contains(record, []byte("verified"))
		}
	}
	return 0, false
}

// received fails unless the box has the file, and nothing that is unfinished.
func received(t *testing.T, dir, name string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, "box", name))
	if want := letters(putSize); err != nil || sha256.Sum256(got) != sha256.Sum256(want) {
		t.Errorf("%s has %d bytes, not those of the file: %v", name, len(got), err)
	}
	for _, left := range files(t, filepath.Join(dir, "box")) {
		if left != name {
			t.Errorf("left %s", left)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "cache", "pipe-demo", "*")); len(left) > 0 {
		t.Errorf("remembers %q", left)
	}
}

var patched = regexp.MustCompile(` method=PATCH path=/in status=204 bytes=(\d+) `)

// sent is how many bytes of the file the server has taken, by its log.
func sent(log string) (n int) {
	for _, m := range patched.FindAllStringSubmatch(log, -1) {
		v, _ := strconv.Atoi(m[1])
		n += v
	}
	return n
}

// A run that was killed is continued by the next one, and only the rest is sent.
func TestPutGoesOnAfterKill(t *testing.T) {
	t.Parallel()
	dir := newUploads(t)
	server, url := startReceiver(t, dir, "127.0.0.1:0")
	p := startPut(t, dir, "--limit-rate", "6M", "in", url)
	p.Process.Kill()
	p.Wait()
	record, err := filepath.Glob(filepath.Join(dir, "cache", "pipe-demo", "put-*.json"))
	if len(record) != 1 {
		t.Fatalf("remembers %q, %v", record, err)
	}
	if info, err := os.Stat(record[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the record: %v, %v", info.Mode(), err)
	}
	cmd := inUploads(dir, "put", "in", url)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "resuming at 8.0 MiB\n") {
		t.Errorf("the second run: %v: %s", err, out)
	}
	received(t, dir, "in")
	server.Process.Signal(syscall.SIGTERM)
	if got := server.wait(t); got != 0 || sent(server.stderr.String()) != putSize {
		t.Errorf("exit code %d, %d bytes were sent in all, want %d: %s", got, sent(server.stderr.String()), putSize, server.stderr.String())
	}
}

// Ctrl-C leaves the partial upload at the server, and says how to resume. What the server has lost since, or a
// file that is another one by now, restarts.
func TestPutKeepsAtInterrupt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		sig  syscall.Signal
		code int
		then func(dir string) error
		said string
	}{
		{"resume", syscall.SIGINT, 130, nil, "resuming at 8.0 MiB"},
		{"lost", syscall.SIGTERM, 143, func(dir string) error {
			left, err := filepath.Glob(filepath.Join(dir, "box", ".tus-*"))
			for _, name := range left {
				err = os.Remove(name)
			}
			return err
		}, "restarting: the server has not kept the partial upload"},
		{"touched", syscall.SIGINT, 130, func(dir string) error {
			return os.Chtimes(filepath.Join(dir, "in"), time.Time{}, time.Now().Add(-time.Hour))
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := newUploads(t)
			_, url := startReceiver(t, dir, "127.0.0.1:0")
			p := startPut(t, dir, "--limit-rate", "6M", "in", url)
			p.Process.Signal(test.sig)
			if got := p.wait(t); got != test.code {
				t.Errorf("exit code %d, want %d", got, test.code)
			}
			want := "pipe-demo: " + (cli.SignalError{Signal: test.sig}).Error() + "\n  partial upload kept; resume with: pipe-demo put --limit-rate 6M in " + url + "\n"
			if got := said(t, dir); got != want {
				t.Errorf("said %q, want %q", got, want)
			}
			if test.then != nil {
				if err := test.then(dir); err != nil {
					t.Fatal(err)
				}
			}
			cmd := inUploads(dir, "put", "in", url)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), test.said) || test.said == "" && strings.Count(string(out), "\n") != 1 {
				t.Errorf("the second run: %v: %s", err, out)
			}
			if test.name != "touched" { // the old upload is another file's
				received(t, dir, "in")
			}
		})
	}
}

// A server that is killed and started again gets the rest.
func TestPutOutlivesTheServer(t *testing.T) {
	t.Parallel()
	dir := newUploads(t)
	server, url := startReceiver(t, dir, "127.0.0.1:0")
	p := startPut(t, dir, "--limit-rate", "6M", "--retries", "50", "in", url)
	server.Process.Kill()
	server.Wait()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(said(t, dir), "; retry 1 in "); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no retry after a minute: %q", said(t, dir))
		}
	}
	startReceiver(t, dir, strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	if got := p.wait(t); got != 0 {
		t.Errorf("exit code %d: %s", got, said(t, dir))
	}
	received(t, dir, "in")
}

// An upload that the server loses in the middle is restarted.
func TestPutBeginsAnew(t *testing.T) {
	t.Parallel()
	dir := newUploads(t)
	_, url := startReceiver(t, dir, "127.0.0.1:0")
	p := startPut(t, dir, "--limit-rate", "6M", "in", url)
	left, err := filepath.Glob(filepath.Join(dir, "box", ".tus-*"))
	for _, name := range left {
		if err = os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.wait(t); len(left) != 2 || err != nil || got != 0 || !strings.Contains(said(t, dir), "restarting: the server has lost the upload: ") {
		t.Errorf("exit code %d, after %q were removed, %v: %s", got, left, err, said(t, dir))
	}
	received(t, dir, "in")
}

// An upload over a line that breaks all the time arrives.
func TestPutThroughCuts(t *testing.T) {
	t.Parallel()
	dir := newUploads(t)
	data := letters(3 << 20)
	if err := os.WriteFile(filepath.Join(dir, "in"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	_, url := startReceiver(t, dir, "127.0.0.1:0")
	line := newCuttingLine(t, strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"), 300<<10)
	cmd := inUploads(dir, "put", "--json", "in", "http://"+line.addr+"/")
	out, err := cmd.CombinedOutput()
	if err != nil || line.cuts.Load() < 5 || !strings.Contains(string(out), `"event":"retry"`) {
		t.Errorf("%d cuts; %v: %s", line.cuts.Load(), err, out)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "box", "in")); err != nil || !bytes.Equal(got, data) {
		t.Errorf("it has %d bytes: %v", len(got), err)
	}
}

// A server that knows nothing but PUT gets the whole request again after trouble of its own.
func TestPlainPut(t *testing.T) {
	t.Parallel()
	dir := newUploads(t)
	data := letters(3 << 20)
	if err := os.WriteFile(filepath.Join(dir, "in"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	answers := func(codes ...int) []int { return codes }
	for _, test := range []struct {
		args string
		then []int // what the PUTs are answered: a status, 0 for a connection that breaks, -1 for a wrong digest
		want int
		said string
	}{
		{"in URL", answers(503, 201), 0, "; retry 1 in 0:02\n"},
		{"in URL", answers(0, 429, 204), 0, "retry 2 in 0:02\n"},
		{"--retries 1 in URL", answers(500, 500), cli.ExitNetwork, "500 Internal Server Error"},
		{"--retries 1 in URL", answers(0, 0), cli.ExitNetwork, "at byte "},
		{"in URL", answers(501), cli.ExitNetwork, "501 Not Implemented"},
		{"in URL", answers(404), cli.ExitFailed, "404 Not Found"},
		{"in URL", answers(413), cli.ExitFailed, "  the server accepts no file of that size\n"},
		{"in URL", answers(412), cli.ExitExists, "412 Precondition Failed"},
		{"in URL", answers(-1), cli.ExitIntegrity, "the sha-256 of Repr-Digest does not match"},
		{"- URL", answers(503), cli.ExitNetwork, "nothing is kept, and the input cannot be read again"},
		{"--max-time 1s in URL", answers(503), cli.ExitLimit, "stopped by --max-time 1s\n"},
	} {
		t.Run(fmt.Sprint(test.args, test.then), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			puts := 0
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPut {
					w.WriteHeader(http.StatusMethodNotAllowed)
					return
				}
				mu.Lock()
				n := puts
				puts++
				mu.Unlock()
				if n >= len(test.then) {
					w.WriteHeader(http.StatusTeapot)
					return
				}
				if test.then[n] == 0 {
					io.CopyN(io.Discard, r.Body, 1<<20)
					panic(http.ErrAbortHandler)
				}
				if body, err := io.ReadAll(r.Body); err != nil || !bytes.Equal(body, data) {
					t.Errorf("the body has %d bytes: %v", len(body), err)
				}
				status, sum := test.then[n], sha256.Sum256(data)
				if status == -1 {
					status, sum = 201, sha256.Sum256([]byte("something else"))
				}
				if status < 300 {
					w.Header().Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
				}
				w.Header().Set("Retry-After", map[int]string{503: "2", 429: "2"}[status])
				w.WriteHeader(status)
			}))
			defer srv.Close()
			cmd := inUploads(dir, append([]string{"put"}, strings.Fields(strings.ReplaceAll(test.args, "URL", srv.URL+"/x"))...)...)
			cmd.Stdin = struct{ io.Reader }{bytes.NewReader(data)}
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != test.want || !strings.Contains(string(out), test.said) {
				t.Errorf("exit code %d, want %d; said %q, want %q in it", got, test.want, out, test.said)
			}
			mu.Lock()
			defer mu.Unlock()
			if puts != len(test.then) {
				t.Errorf("%d requests, want %d", puts, len(test.then))
			}
		})
	}
}
