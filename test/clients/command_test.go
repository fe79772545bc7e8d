//go:build unix

package clients_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/test/internal/command"
)

func TestMain(m *testing.M) { os.Exit(command.Main(m)) }

// run runs a client in dir.
func run(t *testing.T, dir, name string, args ...string) (stdout string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "no_proxy=127.0.0.1", "http_proxy=", "HTTP_PROXY=")
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Logf("%s %q: %v\n%s", name, args, err, &stderr)
	}
	return string(out), err
}

// An mp4 has its index at the end, unless it was made for the network: whoever opens one has to
// seek.
func TestFFprobeSeeks(t *testing.T) {
	testenv.Program(t, "ffmpeg", "ffmpeg")
	testenv.Program(t, "ffprobe", "ffmpeg")
	dir := t.TempDir()
	if _, err := run(t, dir, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=duration=20:size=640x360:rate=25",
		"-vf", "noise=alls=60:allf=t", "-c:v", "mpeg4", "-q:v", "2", "a.mp4"); err != nil {
		t.Fatal(err)
	}
	film, err := os.ReadFile(filepath.Join(dir, "a.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	index, data := bytes.LastIndex(film, []byte("moov")), bytes.Index(film, []byte("mdat"))
	if len(film) < 8<<20 || index < data || data < 0 {
		t.Fatalf("ffmpeg has made %d bytes, with moov at %d and mdat at %d: nothing that one has to seek in", len(film), index, data)
	}
	for _, what := range []string{".", "a.mp4"} {
		s := command.Serve(t, dir, "-v", what)
		out, err := run(t, dir, "ffprobe", "-v", "error", "-show_entries", "format=duration:stream=width", "-of", "csv=p=0", s.URL+"a.mp4")
		if err != nil || strings.Join(strings.Fields(out), " ") != "640 20.000000" {
			t.Errorf("ffprobe: %v, said %q, want a width of 640 and 20 s", err, out)
		}
		stop(t, s)
		behind := 0
		for line := range strings.Lines(s.Log()) {
			from, ok := rangeStart(line)
			if ok && from > 4<<20 && strings.Contains(line, "status=206") {
				behind++
			}
		}
		if behind == 0 || strings.Contains(s.Log(), "level=ERROR") {
			t.Errorf("%d ranges that begin behind 4 MiB; the log:\n%s", behind, s.Log())
		}
	}
}

// rangeStart reads the start of the range that a line of the log has.
func rangeStart(line string) (from int, ok bool) {
	_, rest, ok := strings.Cut(line, `range="bytes=`)
	if !ok {
		_, rest, ok = strings.Cut(line, "range=bytes=")
	}
	first, _, _ := strings.Cut(rest, "-")
	from, err := strconv.Atoi(first)
	return from, ok && err == nil
}

// stop ends the server, which says then all that it has to say.
func stop(t *testing.T, s *command.Server) {
	t.Helper()
	if err := s.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if err := s.Wait(); err != nil {
		t.Errorf("serve: %v: %s", err, s.Log())
	}
}

// Downloads in parts, at what is served and how: the bytes are right, and the log says that parts
// is all that was asked for. In httpflow's own tests the same clients talk to the handler alone.
func TestDownloadsInParts(t *testing.T) {
	dir := t.TempDir()
	want := make([]byte, 48<<20+5)
	rand.NewChaCha8([32]byte{}).Read(want)
	if err := os.WriteFile(filepath.Join(dir, "a.bin"), want, 0o644); err != nil {
		t.Fatal(err)
	}
	cert, key := command.Certificate(t)
	have := 12_345_678
	for _, client := range []struct {
		program, debian string
		args            string
		most            int // requests with status 200
		parts           int // requests with status 206, at least
		part            bool
	}{
		{"wget", "wget", "--continue --tries=1 --no-verbose --no-check-certificate", 0, 1, true},
		{"aria2c", "aria2", "-x8 -s8 -k1M --no-conf --max-tries=1 --quiet --check-certificate=false", 1, 7, false},
		{"curl", "curl", "-sSkfO --http1.1 -C -", 0, 1, true},
		{"curl", "curl", "-sSkfO --http2 -C -", 0, 1, true},
	} {
		for _, server := range [][]string{{"."}, {"a.bin", "--limit-rate", "100M"}, {".", "--tls-cert", cert, "--tls-key", key}} {
			name, _, _ := strings.Cut(strings.Join(server, " "), " "+cert)
			t.Run(client.program+" "+client.args+" at serve "+name, func(t *testing.T) {
				testenv.Program(t, client.program, client.debian)
				into := t.TempDir()
				got := filepath.Join(into, "a.bin")
				if client.part {
					if err := os.WriteFile(got, want[:have], 0o644); err != nil {
						t.Fatal(err)
					}
				}
				s := command.Serve(t, dir, append([]string{"-v"}, server...)...)
				if _, err := run(t, into, client.program, append(strings.Fields(client.args), s.URL+"a.bin")...); err != nil {
					t.Error(err)
				}
				stop(t, s)
				if b, err := os.ReadFile(got); err != nil || sha256.Sum256(b) != sha256.Sum256(want) {
					t.Errorf("%d bytes, want %d, or other ones; %v", len(b), len(want), err)
				}
				log := s.Log()
				whole, parts := strings.Count(log, "status=200"), strings.Count(log, "status=206")
				if whole > client.most || parts < client.parts || strings.Contains(log, "level=ERROR") {
					t.Errorf("%d requests for all, want %d at most; %d for parts, want %d at least:\n%s", whole, client.most, parts, client.parts, log)
				}
			})
		}
	}
}
