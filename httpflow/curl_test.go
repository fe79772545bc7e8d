package httpflow_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/internal/testenv"
)

// curl runs curl, whose idea of HTTP is not ours, with arguments for the protocol.
func curl(t *testing.T, protocol string, args ...string) (stdout []byte, err error) {
	t.Helper()
	args = append([]string{"--silent", "--show-error", "--insecure", "--max-time", "60", "--noproxy", "*", map[string]string{
		"h1": "--http1.1", "h2": "--http2", "h2c": "--http2-prior-knowledge",
	}[protocol]}, args...)
	cmd := exec.CommandContext(t.Context(), "curl", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err = cmd.Output()
	if err != nil {
		t.Logf("curl: %v: %s", err, stderr.String())
	}
	return stdout, err
}

func needCurl(t *testing.T) {
	t.Helper()
	testenv.Program(t, "curl", "curl")
}

func TestCurl(t *testing.T) {
	needCurl(t)
	each(t, func(t *testing.T, protocol string) {
		dir := t.TempDir()
		want := random(3<<20 + 5)
		write(t, dir, "a.bin", want)
		url, _ := serve(t, protocol, httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{}))
		url += "a.bin"

		got, err := curl(t, protocol, "--fail", url)
		if err != nil {
			t.Error("get:", err)
		}
		equal(t, got, want)

		got, err = curl(t, protocol, "--fail", "--range", "1000000-1999999", url)
		if err != nil {
			t.Error("range:", err)
		}
		equal(t, got, want[1_000_000:2_000_000])

		part := write(t, t.TempDir(), "part", want[:1_234_567])
		if _, err := curl(t, protocol, "--fail", "--continue-at", "-", "--output", part, url); err != nil {
			t.Error("resume:", err)
		}
		if got, err = os.ReadFile(part); err != nil {
			t.Fatal(err)
		}
		equal(t, got, want)

		got, err = curl(t, protocol, "--fail", "--head", url)
		if head := strings.ToLower(string(got)); err != nil || !strings.Contains(head, "content-length: 3145733\r\n") ||
			!strings.Contains(head, "accept-ranges: bytes\r\n") {
			t.Errorf("head: %v\n%s", err, head)
		}

		tag := filepath.Join(t.TempDir(), "tag")
		if _, err := curl(t, protocol, "--fail", "--etag-save", tag, "--output", os.DevNull, url); err != nil {
			t.Error("etag-save:", err)
		}
		got, err = curl(t, protocol, "--fail", "--etag-compare", tag, "--write-out", "%{http_code}", url)
		if err != nil || string(got) != "304" {
			t.Errorf("etag-compare: %v, %.100q", err, got)
		}
	})
}

func TestCurlReportsACutFile(t *testing.T) {
	needCurl(t)
	for _, protocol := range append(protocols, "h1 --http1.0") {
		protocol, version, _ := strings.Cut(protocol, " ")
		t.Run("protocol="+protocol+version, func(t *testing.T) {
			name := write(t, t.TempDir(), "f", random(2<<20))
			var seen flows
			url, _ := serve(t, protocol, httpflow.File(name, httpflow.Options{
				Via:    after(700<<10, func() error { return os.Truncate(name, 1<<20) }),
				OnFlow: seen.on,
			}))
			args := []string{"--fail", "--output", filepath.Join(t.TempDir(), "out"), url}
			if version != "" {
				args = append(args, version)
			}
			if _, err := curl(t, protocol, args...); err == nil {
				t.Error("curl reports success")
			}
			if e := seen.next(t); e.err == nil {
				t.Error("the flow succeeded")
			}
		})
	}
}
