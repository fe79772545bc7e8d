package httpflow_test

import (
	"bytes"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirflow/weir/httpflow"
)

func TestCurlPut(t *testing.T) {
	needCurl(t)
	each(t, func(t *testing.T, protocol string) {
		dir, from := t.TempDir(), t.TempDir()
		body := random(3<<20 + 5)
		file := write(t, from, "body.bin", body)
		url, _ := serve(t, protocol, httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{MaxSize: 4 << 20}))
		status := func(args ...string) string {
			t.Helper()
			out, _ := curl(t, protocol, append([]string{"--output", filepath.Join(from, "out"), "--write-out", "%{http_code}"}, args...)...)
			return string(out)
		}
		if got := status("-T", file, url); got != "201" { // curl adds the file's name
			t.Errorf("-T: %s", got)
		}
		if got := status("-T", file, "-H", "Expect: 100-continue", url+"expect.bin"); got != "201" {
			t.Errorf("Expect: %s", got)
		}
		cmd := exec.CommandContext(t.Context(), "curl", "--silent", "--show-error", "--insecure", "--max-time", "60", "--noproxy", "*",
			"--fail", map[string]string{"h1": "--http1.1", "h2": "--http2", "h2c": "--http2-prior-knowledge"}[protocol], "-T", "-", url+"stdin.bin")
		cmd.Stdin = bytes.NewReader(body)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("-T -: %v: %s", err, out)
		}
		large := write(t, from, "large.bin", random(16<<20))
		if got := status("-T", large, url); got != "413" {
			t.Errorf("too large: %s", got)
		}
		if got := status("-T", large, "-H", "Expect:", url); got != "413" {
			t.Errorf("too large, without Expect: %s", got)
		}
		if got := status("-T", large, "-H", "Transfer-Encoding: chunked", url); got != "413" && protocol == "h1" {
			t.Errorf("too large, chunked: %s", got)
		}
		all := string(body)
		wantFiles(t, dir, map[string]string{"body.bin": all, "expect.bin": all, "stdin.bin": all})
	})
}

// A client that is killed in the middle leaves nothing.
func TestCurlKilled(t *testing.T) {
	needCurl(t)
	each(t, func(t *testing.T, protocol string) {
		dir := t.TempDir()
		write(t, dir, "a", []byte("old"))
		seen := make(outcomes, 1)
		url, _ := serve(t, protocol, httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{OnRequest: seen.on}))
		cmd := exec.CommandContext(t.Context(), "curl", "--silent", "--insecure", "--max-time", "60", "--noproxy", "*",
			map[string]string{"h1": "--http1.1", "h2": "--http2", "h2c": "--http2-prior-knowledge"}[protocol], "-T", "-", url+"a")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(in, strings.NewReader(strings.Repeat("x", 1<<20))); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if o := seen.next(t); o.Err == nil || !o.ClientGone {
			t.Errorf("outcome %+v", o)
		}
		wantFiles(t, dir, map[string]string{"a": "old"})
	})
}
