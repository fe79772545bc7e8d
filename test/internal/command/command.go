// Package command has what the tests below test/ share: it builds pipe-demo, and starts its server.
package command

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/weirflow/weir/internal/testenv"
)

// Main is the TestMain of a package below test/, and returns the exit code. With -short it runs no test:
// they take long, and need programs of others.
func Main(m *testing.M) int {
	flag.Parse()
	if testing.Short() {
		fmt.Println("NOT RUN: -short is given\ntesting: warning: no tests to run") // the second line shows without -v
		return 0
	}
	return m.Run()
}

var (
	mu    sync.Mutex
	built = make(map[string]string)
)

// Build returns the path of pipe-demo.
func Build(t testing.TB) string {
	t.Helper()
	return BuildPackage(t, "github.com/weirflow/weir/cmd/pipe-demo")
}

// BuildPackage returns the path of a command of this module. It is in the build cache of Go, so that test
// binaries, and runs at the same time, share it, and a source that changes makes another file.
func BuildPackage(t testing.TB, path string) (executable string) {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if built[path] != "" {
		return built[path]
	}
	testenv.WatchSources(t)
	// go run keeps what it builds, but runs it from there only from the second time on.
	printer := "echo"
	if runtime.GOOS == "windows" {
		printer = "cmd /c echo"
	}
	for range 2 {
		cmd := exec.Command("go", "run", "-exec="+printer, path)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
		}
		executable = strings.TrimSpace(string(out))
		if _, err := os.Stat(executable); err == nil {
			built[path] = executable
			return executable
		}
	}
	t.Fatalf("go run keeps no executable of %s: %s", path, executable)
	return ""
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
