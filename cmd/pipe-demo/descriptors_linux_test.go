package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// startWithFew starts a server that may have 64 descriptors.
func startWithFew(t *testing.T, dir string, args ...string) (*process, string) {
	t.Helper()
	p := &process{Cmd: exec.Command("bash", append([]string{"-c", `ulimit -n 64; exec pipe-demo "$@"`, "bash"}, args...)...)}
	p.Dir, p.Stderr = dir, &p.stderr
	p.out, _ = p.StdoutPipe()
	if err := p.Start(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	t.Cleanup(func() { p.Process.Kill() })
	return listening(t, p)
}

// processorTime is what a process has used of the processor.
func processorTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	user, _ := strconv.Atoi(fields[11]) // proc_pid_stat(5): utime is the 14th field, and the name the 2nd
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// Many more clients than descriptors: they wait, each gets its answer, and nothing is said about it.
func TestManyClientsFewDescriptors(t *testing.T) {
	t.Parallel()
	const many = 200
	data := letters(300_000)
	paths := map[string]string{ // by command
		"serve .": "a/b/big", "serve --list .": "a/b/", "serve --precompressed --limit-rate 2M .": "a/b/big",
		"serve big": "", "serve big ! gzip": "", "receive .": "a/b/",
	}
	protocols := []string{"h1", "h2c"}
	if testing.Short() {
		protocols = protocols[:1]
		paths = map[string]string{"serve .": "a/b/big", "receive .": "a/b/"}
	}
	for command, path := range paths {
		for _, protocol := range protocols {
			t.Run(command+", "+protocol, func(t *testing.T) {
				t.Parallel()
				data := data
				if strings.Contains(command, "gzip") { // which takes long with the race detector
					data = data[:30_000]
				}
				dir := t.TempDir()
				if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{"big", "a/b/big"} {
					if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				words := strings.Fields(command)
				p, url := startWithFew(t, dir, append([]string{words[0], "--addr", "127.0.0.1:0"}, words[1:]...)...)
				one := clients(t)[protocol] // HTTP/2 has all on one connection
				var g errgroup.Group
				for i := range many {
					client := one
					if protocol == "h1" {
						transport := &http.Transport{DisableKeepAlives: i%3 == 0} // two thirds keep their connections
						t.Cleanup(transport.CloseIdleConnections)
						client = &http.Client{Transport: transport}
					}
					g.Go(func() error { return ask(t.Context(), client, words[0], url+path, i, data) })
				}
				if err := g.Wait(); err != nil {
					t.Fatal(err)
				}
				if err := ask(t.Context(), clients(t)[protocol], words[0], url+path, many, data); err != nil {
					t.Errorf("after the load: %v", err)
				}
				p.Process.Signal(syscall.SIGTERM)
				if got := p.wait(t); got != 0 {
					t.Errorf("exit code %d", got)
				}
				if said := p.stderr.String(); strings.Contains(said, "too many open files") || strings.Contains(said, "level=ERROR") || strings.Contains(said, "status=50") {
					t.Errorf("said %s", said)
				}
				if words[0] == "receive" {
					for i := range many + 1 {
						if got, err := os.ReadFile(filepath.Join(dir, "a", "b", strconv.Itoa(i))); err != nil || !bytes.Equal(got, data) {
							t.Errorf("upload %d: %d bytes, %v", i, len(got), err)
						}
					}
					if left := debris(dir); len(left) > 0 {
						t.Errorf("left %q", left)
					}
				}
			})
		}
	}
}

// ask is client number i of a server, which gets what is at the URL, or puts data there.
func ask(ctx context.Context, client *http.Client, command, url string, i int, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	method, body, want := http.MethodGet, io.Reader(nil), http.StatusOK
	if command == "receive" {
		method, url, body, want = http.MethodPut, url+strconv.Itoa(i), bytes.NewReader(data), http.StatusCreated
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != want {
		return fmt.Errorf("client %d: %s", i, resp.Status)
	}
	return nil
}

// When clients that do not read, or do not send, have all there is, the others wait, and the server costs nothing. When
// those leave, the others get their answers.
func TestStalledClientsFewDescriptors(t *testing.T) {
	t.Parallel()
	data := letters(16 << 20) // more than sockets hold
	for command, request := range map[string]string{
		"serve":   "GET /big HTTP/1.1\r\nHost: x\r\n\r\n",
		"receive": "PUT /stalled HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "big"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		p, url := startWithFew(t, dir, command, "--addr", "127.0.0.1:0", ".")
		var stalled []net.Conn
		for range 70 {
			conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			io.WriteString(conn, request)
			stalled = append(stalled, conn)
		}
		answered := make(chan error, 5)
		for i := range cap(answered) {
			go func() {
				answered <- ask(t.Context(), &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, "receive", url+"no/", i, nil)
			}()
		}
		used := processorTime(t, p.Process.Pid)
		select {
		case err := <-answered:
			t.Fatalf("%s: an answer although all connections are taken: %v", command, err)
		case <-time.After(time.Second):
		}
		if used = processorTime(t, p.Process.Pid) - used; used > 300*time.Millisecond {
			t.Errorf("%s: %v of processor time in a second of waiting", command, used)
		}
		for _, conn := range stalled {
			conn.Close()
		}
		for range cap(answered) {
			if err := <-answered; err != nil && !strings.Contains(err.Error(), map[string]string{"serve": "405", "receive": "409"}[command]) {
				t.Errorf("%s: %v", command, err) // there is no directory of that name, and serve takes no uploads
			}
		}
		p.Process.Signal(syscall.SIGTERM)
		if got := p.wait(t); got != 0 || strings.Contains(p.stderr.String(), "too many open files") {
			t.Errorf("%s: exit code %d: %s", command, got, p.stderr.String())
		}
	}
}
