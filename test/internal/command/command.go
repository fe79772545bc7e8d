// Package command has what the tests below test/ share: it builds pipe-demo, and starts its server.
package command

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var (
	folder string // where Build puts the command
	build  = sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp("", "pipe-demo")
		if err != nil {
			return "", err
		}
		folder = dir
		path := filepath.Join(dir, "pipe-demo")
		said, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, "github.com/weirflow/weir/cmd/pipe-demo").CombinedOutput()
		return path + string(said), err
	})
)

// Main is the TestMain of a package that calls [Build]. It returns the exit code.
func Main(m *testing.M) int {
	defer func() {
		if folder != "" {
			os.RemoveAll(folder)
		}
	}()
	return m.Run()
}

// Build returns the path of pipe-demo, which is built once in each test binary.
func Build(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, path)
	}
	return path
}

// Need skips the test, loudly, if a program is missing.
func Need(t testing.TB, program, debian string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("NOT RUN: %s is missing; on Debian: apt-get install %s", program, debian)
	}
}

// A Server is a server under way, in a process of its own that is killed at the end of the test.
type Server struct {
	*exec.Cmd
	URL string // with a slash at its end

	mu  sync.Mutex
	log bytes.Buffer
}

// Serve starts pipe-demo serve in dir, at a free port.
func Serve(t testing.TB, dir string, args ...string) *Server {
	t.Helper()
	cmd := exec.Command(Build(t), append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...)
	cmd.Dir = dir
	return Start(t, cmd)
}

// Start starts a server whose one line on standard output is that of pipe-demo serve.
func Start(t testing.TB, cmd *exec.Cmd) *Server {
	t.Helper()
	s := &Server{Cmd: cmd}
	cmd.Stderr = s
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "listening on ")
	if !ok {
		t.Fatalf("%v said %q, %v; stderr: %s", cmd, line, err, s.Log())
	}
	s.URL = url
	return s
}

// Address is the host and port.
func (s *Server) Address() string {
	_, address, _ := strings.Cut(strings.TrimSuffix(s.URL, "/"), "://")
	return address
}

// Log is what the server has said on standard error.
func (s *Server) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// Write takes what the server says on standard error.
func (s *Server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}
