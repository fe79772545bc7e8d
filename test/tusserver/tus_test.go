// Package tusserver_test uploads to the tus server that others run, @tus/server from npm. It needs
// Node.js and npm; if one is missing, the test is not run.
package tusserver_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/test/internal/command"
	"github.com/weirflow/weir/test/internal/npm"
	"github.com/weirflow/weir/transfer"
	"github.com/weirflow/weir/tus"
)

func TestMain(m *testing.M) { os.Exit(command.Main(m)) }

// server is a process that can be killed and started again on the same port and directory.
type server struct {
	script    string // the directory that has it
	dir, port string
	mu        sync.Mutex
	cmd       *exec.Cmd
}

func start(t *testing.T) *server {
	t.Helper()
	s := &server{script: npm.Install(t, "server.mjs"), dir: t.TempDir(), port: "0"}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	return s
}

func (s *server) start() error {
	cmd := exec.Command("node", "server.mjs", s.dir, s.port)
	cmd.Dir = s.script
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	giveUp := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	giveUp.Stop()
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return fmt.Errorf("server.mjs: %w\n%s", err, &stderr)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd, s.port = cmd, strings.TrimSpace(line)
	return nil
}

func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

func (s *server) addr() string { return "127.0.0.1:" + s.port }
func (s *server) url() string  { return "http://" + s.addr() + "/files" }

// stored returns the digest of the only upload in the directory, and its size.
func (s *server) stored(t *testing.T) (sum [32]byte, size int) {
	t.Helper()
	files := s.files(t)
	if len(files) != 1 {
		t.Fatalf("the server has %q, want one upload", files)
	}
	b, err := os.ReadFile(filepath.Join(s.dir, files[0]))
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b), len(b)
}

// files returns the names of the uploads in the directory.
func (s *server) files(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			names = append(names, e.Name())
		}
	}
	return names
}

// has returns how many bytes there are in the directory, notes about uploads aside.
func (s *server) has() (n int64) {
	names, _ := filepath.Glob(filepath.Join(s.dir, "*"))
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && filepath.Ext(name) != ".json" {
			n += info.Size()
		}
	}
	return n
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8*13 + i>>16)
	}
	return b
}

// emits sends data, of a known or unknown size.
func emits(data []byte, known bool) pipeline.Source {
	if known {
		return sources.Bytes(data)
	}
	return pipeline.NewSource("unsized", func(ctx context.Context, out *pipeline.Outlet) error {
		return out.CopyFrom(ctx, bytes.NewReader(data))
	})
}

// options retry quickly, and often enough for a server that takes a while to start.
func options(t *testing.T) tus.Options {
	return tus.Options{
		Metadata: map[string]string{"filename": "a b.bin", "filetype": "application/octet-stream"}, Limits: transfer.Limits{Total: 3 * time.Minute}, Retry: transfer.Retry{Attempts: 1001, MaxWait: 50 * time.Millisecond, OnRetry: func(n int, _ time.Duration, cause error) {
			if n < 5 {
				t.Log(cause)
			}
		}},
	}
}

func run(t *testing.T, source pipeline.Source, sink pipeline.Sink) error {
	t.Helper()
	_, err := source.To(sink).Run(t.Context())
	return err
}

func TestSupport(t *testing.T) {
	s := start(t)
	got, err := tus.Support(t.Context(), s.url(), options(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"creation", "creation-defer-length", "termination"} {
		if !slices.Contains(got.Extensions, want) {
			t.Errorf("%q, want %s", got.Extensions, want)
		}
	}
	_, _, err = tus.Offset(t.Context(), s.url()+"/none", options(t))
	if e := (*transfer.StatusError)(nil); !errors.As(err, &e) || e.Status != 404 {
		t.Errorf("an upload that does not exist: %v", err)
	}
}

func TestUpload(t *testing.T) {
	for _, n := range []int{0, 1, 16 << 10, 16<<10 + 1, 3 << 20, 8 << 20, 17<<20 + 5} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d/known=%v", n, known), func(t *testing.T) {
				s := start(t)
				data := pattern(n)
				var url string
				o := options(t)
				o.OnCreate = func(u string) { url = u }
				if err := run(t, emits(data, known), tus.UploadWith(s.url(), o)); err != nil {
					t.Fatal(err)
				}
				if sum, size := s.stored(t); sum != sha256.Sum256(data) {
					t.Errorf("it has %d bytes, others than the %d that were sent", size, n)
				}
				if offset, length, err := tus.Offset(t.Context(), url, o); offset != int64(n) || length != int64(n) || err != nil {
					t.Errorf("offset %d, length %d, %v", offset, length, err)
				}
			})
		}
	}
}

// A run that fails removes its upload.
func TestFailure(t *testing.T) {
	s := start(t)
	failure := errors.New("the disk is gone")
	sink := pipeline.Tee(tus.UploadWith(s.url(), options(t)), pipeline.NewSink("failing", func(ctx context.Context, in *pipeline.Inlet) error {
		if err := in.CopyTo(ctx, io.Discard); err != nil {
			return err
		}
		return failure
	}))
	if err := run(t, emits(pattern(9<<20), true), sink); !errors.Is(err, failure) {
		t.Fatal(err)
	}
	if files := s.files(t); len(files) != 0 {
		t.Errorf("left: %q", files)
	}
}

// The connection is cut again and again.
func TestCut(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprintf("known=%v", known), func(t *testing.T) {
			s := start(t)
			p := cutter(t, s.addr(), 700_000)
			data := pattern(9 << 20)
			if err := run(t, emits(data, known), tus.UploadWith("http://"+p.addr+"/files", options(t))); err != nil {
				t.Fatal(err)
			}
			if sum, size := s.stored(t); sum != sha256.Sum256(data) {
				t.Errorf("it has %d bytes, others than the %d that were sent", size, len(data))
			}
			if n := p.cuts(); n < 10 {
				t.Errorf("it was cut %d times", n)
			}
		})
	}
}

// The server is killed and started again while bytes are on their way.
func TestRestart(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprintf("known=%v", known), func(t *testing.T) {
			s := start(t)
			data := pattern(20 << 20)
			restarted, retries := make(chan error, 1), 0
			o := options(t)
			o.Retry.OnRetry = func(int, time.Duration, error) { retries++ }
			o.OnCreate = func(string) {
				go func() { // when the server has some of it
					for range 10_000 {
						if s.has() > 0 {
							break
						}
						time.Sleep(time.Millisecond)
					}
					s.kill()
					restarted <- s.start()
				}()
			}
			if err := run(t, emits(data, known), tus.UploadWith(s.url(), o)); err != nil {
				t.Fatal(err)
			}
			if err := <-restarted; err != nil {
				t.Fatal(err)
			}
			if retries == 0 {
				t.Error("nothing broke: the server was restarted too late")
			}
			if sum, size := s.stored(t); sum != sha256.Sum256(data) {
				t.Errorf("it has %d bytes, others than the %d that were sent", size, len(data))
			}
		})
	}
}

// A run resumes where the previous one ended.
func TestResume(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprintf("known=%v", known), func(t *testing.T) {
			s := start(t)
			data := pattern(12 << 20)
			var url string
			o := options(t)
			o.Keep = true
			o.OnCreate = func(u string) { url = u }
			stopped := errors.New("stopped")
			broken := pipeline.NewSource("broken", func(ctx context.Context, out *pipeline.Outlet) error {
				if known {
					out.SetSize(int64(len(data)))
				}
				if err := out.CopyFrom(ctx, bytes.NewReader(data[:10<<20])); err != nil {
					return err
				}
				return stopped
			})
			if err := run(t, broken, tus.UploadWith(s.url(), o)); !errors.Is(err, stopped) {
				t.Fatal(err)
			}
			s.kill()
			if err := s.start(); err != nil {
				t.Fatal(err)
			}
			offset, _, err := tus.Offset(t.Context(), url, o)
			if err != nil || offset == 0 || offset > 10<<20 {
				t.Fatalf("offset %d, %v", offset, err)
			}
			o.Resume, o.Offset = url, offset
			if err := run(t, emits(data[offset:], known), tus.UploadWith(s.url(), o)); err != nil {
				t.Fatal(err)
			}
			if sum, size := s.stored(t); sum != sha256.Sum256(data) {
				t.Errorf("it has %d bytes, others than the %d that were sent", size, len(data))
			}
		})
	}
}

// proxy passes connections on and cuts each after a number of bytes.
type proxy struct {
	addr string
	mu   sync.Mutex
	n    int
}

func (p *proxy) cuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

func cutter(t *testing.T, to string, after int64) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String()}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer client.Close()
				server, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer server.Close()
				group.Go(func() {
					io.Copy(client, server)
					client.Close()
				})
				if n, _ := io.CopyN(server, client, after); n == after {
					p.mu.Lock()
					defer p.mu.Unlock()
					p.n++
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		group.Wait()
	})
	return p
}
