package httpflow_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/internal/testenv"
)

// program runs a client that is not ours, in a folder of its own.
func program(t *testing.T, dir, name, debian string, args ...string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testenv.Program(t, name, debian), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "no_proxy=127.0.0.1", "http_proxy=", "HTTP_PROXY=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("%s: %v: %s", name, err, out)
	}
	return err
}

func TestWgetContinues(t *testing.T) {
	dir, into := t.TempDir(), t.TempDir()
	want := random(3<<20 + 5)
	write(t, dir, "a.bin", want)
	part := write(t, into, "a.bin", want[:1_234_567])
	url, _ := serve(t, "h1", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{}))
	if err := program(t, into, "wget", "wget", "--continue", "--tries=1", "--no-verbose", url+"a.bin"); err != nil {
		t.Error(err)
	}
	got, err := os.ReadFile(part)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, want)
}

func TestAria2Splits(t *testing.T) {
	dir, into := t.TempDir(), t.TempDir()
	want := random(16<<20 + 5)
	write(t, dir, "a.bin", want)
	url, _ := serve(t, "h1", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{}))
	err := program(t, into, "aria2c", "aria2", "-x8", "-s8", "-k1M", "--no-conf", "--max-tries=1", "--quiet", url+"a.bin")
	if err != nil {
		t.Error(err)
	}
	got, err := os.ReadFile(filepath.Join(into, "a.bin"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, want)
}

// A coded representation that is cut must not look like a whole one either.
func TestCurlReportsACutCodedFile(t *testing.T) {
	needCurl(t)
	each(t, func(t *testing.T, protocol string) {
		dir := t.TempDir()
		old := time.Now().Add(-time.Hour)
		content := random(2 << 20)
		if err := os.Chtimes(write(t, dir, "a.txt", content), old, old); err != nil {
			t.Fatal(err)
		}
		coded := []byte(gzipped(t, string(content)))
		name := write(t, dir, "a.txt.gz", coded)
		url, client := serve(t, protocol, httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{
			Options:       httpflow.Options{Via: after(700<<10, func() error { return os.Truncate(name, 1<<20) })},
			Precompressed: true,
		}))
		out := filepath.Join(t.TempDir(), "out")
		if _, err := curl(t, protocol, "--fail", "--header", "Accept-Encoding: gzip", "--output", out, url+"a.txt"); err == nil {
			t.Error("curl reports success")
		}
		write(t, dir, "a.txt.gz", coded)
		res := get(t, client, "GET", url+"a.txt", "Accept-Encoding", "gzip")
		if n, err := discard(res); res.Header.Get("Content-Encoding") != "gzip" || err == nil {
			t.Errorf("%s: %d bytes and no error", res.Header.Get("Content-Encoding"), n)
		}
	})
}

func TestCurlParts(t *testing.T) {
	needCurl(t)
	each(t, func(t *testing.T, protocol string) {
		name := write(t, t.TempDir(), "a.txt", []byte(strings.Repeat("0123456789", 100)))
		url, _ := serve(t, protocol, httpflow.File(name, httpflow.Options{}))
		got, err := curl(t, protocol, "--fail", "--range", "0-1,5-6", url)
		if err != nil || strings.Count(string(got), "Content-Range: bytes ") != 2 || !strings.HasSuffix(string(got), "--\r\n") {
			t.Errorf("%v, %q", err, got)
		}
	})
}
