//go:build unix

package cut_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/test/internal/command"
)

// The file is larger than all buffers between the server and a client that does not read.
const (
	bigSize  = 64 << 20
	readSize = 1 << 20 // what has arrived when it happens
	leftSize = 2 << 20 // what the file shrinks to
)

// curl exits with something else than 0 when what it got is not all, whatever the reason, the
// protocol and the coding; and with 0 when it is.
func TestCurlIsTold(t *testing.T) {
	testenv.Program(t, "curl", "curl")
	cert, key := command.Certificate(t)
	for _, protocol := range []struct {
		name, args string
		tls        bool
	}{
		{"h1", "--http1.1", false},
		{"h1 over TLS", "--http1.1 -k", true},
		{"h2c", "--http2-prior-knowledge", false},
		{"h2", "--http2 -k", true},
	} {
		for _, what := range []struct{ name, serve, path, args string }{
			{"file", "big", "", ""},
			{"directory", ".", "big", ""},
			{"flow", "big ! gzip level=0", "", ""},
			{"coded flow", "big ! gzip level=0", "", "--compressed"},
		} {
			for _, harm := range []string{"none", "shrinks", "shrinks, nobody waits", "killed"} {
				t.Run(protocol.name+"/"+what.name+"/"+harm, func(t *testing.T) {
					t.Parallel()
					dir := t.TempDir()
					big := filepath.Join(dir, "big")
					if err := os.WriteFile(big, nil, 0o644); err != nil {
						t.Fatal(err)
					}
					if err := os.Truncate(big, bigSize); err != nil {
						t.Fatal(err)
					}
					var args []string
					if protocol.tls {
						args = []string{"--tls-cert", cert, "--tls-key", key}
					}
					// At full speed the server waits for curl when it happens, and is interrupted; at a
					// limited one it is between two writes.
					if harm == "shrinks, nobody waits" {
						args = append(args, "--limit-rate", "20M")
					}
					s := command.Serve(t, dir, append(args, strings.Fields(what.serve)...)...)
					got, err := curl(t, func() {
						var err error
						switch harm {
						case "shrinks", "shrinks, nobody waits":
							err = os.Truncate(big, leftSize)
						case "killed":
							err = s.Process.Kill()
						}
						if err != nil {
							t.Error(err)
						}
					}, append(strings.Fields(protocol.args+" "+what.args), s.URL+what.path)...)
					switch {
					case harm == "none" && (err != nil || got < bigSize):
						t.Errorf("%d bytes, %v", got, err)
					case harm != "none" && err == nil:
						t.Errorf("curl reports success after %d bytes", got)
					}
					// The operator of the server sees the error as well.
					for deadline := time.Now().Add(20 * time.Second); strings.HasPrefix(harm, "shrinks") && !strings.Contains(s.Log(), "level=ERROR"); {
						if time.Now().After(deadline) {
							t.Fatalf("the log has no error:\n%s", s.Log())
						}
						time.Sleep(10 * time.Millisecond)
					}
				})
			}
		}
	}
}

// curl returns how many bytes it gets, and calls happens after the first ones, when it reads no
// more for that long.
func curl(t *testing.T, happens func(), args ...string) (int64, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "curl", append([]string{"--disable", "-sS", "--fail", "--noproxy", "*"}, args...)...)
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first, err := io.CopyN(io.Discard, out, readSize)
	if err != nil {
		t.Fatalf("%d bytes, %v: %s", first, err, &stderr)
	}
	happens()
	rest, _ := io.Copy(io.Discard, out)
	err = cmd.Wait()
	if ctx.Err() != nil {
		t.Fatalf("curl has not come to an end: %s", &stderr)
	}
	t.Logf("%d bytes, %v: %s", first+rest, err, bytes.TrimSpace(stderr.Bytes()))
	return first + rest, err
}
