// Package clients_test lets clients of others talk to httpflow, and to pipe-demo serve. Each test
// names the programs that it needs; if one is missing, the test is not run.
package clients_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/test/internal/npm"
)

const size = 6<<20 + 1234

// sighting is what upload.mjs prints.
type sighting struct {
	Failure         string
	Pauses, Retries int
	Requests        map[string]int
	URL             string
}

func TestTusJSClient(t *testing.T) {
	client := npm.Install(t, "upload.mjs")
	body := make([]byte, size)
	rand.NewChaCha8([32]byte{}).Read(body)
	file := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(file, body, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		args  []string       // for upload.mjs
		after map[int64]bool // what happens after so many bytes: true is a restart, false a cut connection
	}{
		{"undisturbed", []string{"1000000"}, nil},
		{"one piece", []string{"Infinity"}, nil},
		{"with its creation", []string{"1000000", "creation"}, nil},
		{"cut", []string{"1000000"}, map[int64]bool{size / 2: false}},
		{"restart", []string{"1000000"}, map[int64]bool{size / 2: true}},
		{"both", []string{"700000"}, map[int64]bool{size / 3: false, size / 2: true, 2 * size / 3: false, 3 * size / 4: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			s := start(t, dir, test.after)
			saw := upload(t, client, append([]string{"http://" + s.address + "/files/", file}, test.args...)...)
			t.Logf("%+v", saw)
			if saw.Failure != "" {
				t.Fatal(saw.Failure)
			}
			if want := min(len(test.after), 1); saw.Retries < want || test.args[0] != "Infinity" && saw.Pauses != 1 {
				t.Errorf("%d retries, want %d or more; %d pauses", saw.Retries, want, saw.Pauses)
			}
			if left := s.left(); left > 0 {
				t.Errorf("%d interruptions have not happened", left)
			}
			got, err := os.ReadFile(filepath.Join(dir, "from tus-js.bin"))
			if err != nil {
				t.Fatal(err)
			}
			if sha256.Sum256(got) != sha256.Sum256(body) {
				t.Errorf("the file has %d bytes, want %d, or other ones", len(got), len(body))
			}
		})
	}
}

// upload runs upload.mjs.
func upload(t *testing.T, dir string, args ...string) (saw sighting) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{"upload.mjs"}, args...)...)
	cmd.Dir = dir
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(stdout, &saw)
	}
	if err != nil {
		t.Fatalf("upload.mjs: %v\n%s%s", err, stdout, &stderr)
	}
	return saw
}

// A server receives into a directory, and is disturbed.
type server struct {
	dir, address string

	mu    sync.Mutex
	read  int64
	after map[int64]bool
	http  *http.Server
	wait  sync.WaitGroup
}

func start(t *testing.T, dir string, after map[int64]bool) *server {
	t.Helper()
	s := &server{dir: dir, after: after}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	if err := s.serve(l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.mu.Lock()
		srv := s.http
		s.mu.Unlock()
		srv.Close()
		s.wait.Wait()
	})
	return s
}

// serve starts a new server, with a new handler, as another process would.
func (s *server) serve(l net.Listener) error {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/files/", http.StripPrefix("/files", httpflow.Receiver(root, httpflow.ReceiverOptions{})))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.http = &http.Server{Handler: mux}
	srv := s.http
	s.wait.Go(func() {
		defer root.Close()
		_ = srv.Serve(listener{l, s})
	})
	return nil
}

// restart closes the server with all its connections and starts another one at the same address.
func (s *server) restart() {
	s.mu.Lock()
	srv := s.http
	s.mu.Unlock()
	srv.Close()
	for range 1000 {
		l, err := net.Listen("tcp", s.address)
		if err == nil {
			if err := s.serve(l); err != nil {
				panic(err)
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	panic("the address is not free again")
}

func (s *server) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.after)
}

// count notes that n bytes were read, and tells what happens now.
func (s *server) count(n int) (happens, restart bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read += int64(n)
	for at, r := range s.after {
		if s.read >= at {
			delete(s.after, at)
			return true, r
		}
	}
	return false, false
}

type listener struct {
	net.Listener
	server *server
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{c, l.server}, nil
}

type conn struct {
	net.Conn
	server *server
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if happens, restart := c.server.count(n); happens {
		if restart {
			c.server.wait.Go(c.server.restart)
		} else {
			c.Close()
			return 0, errors.New("cut")
		}
	}
	return n, err
}
