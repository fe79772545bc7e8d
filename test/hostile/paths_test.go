//go:build unix

package hostile_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/test/internal/command"
)

// patience is how long an answer may take before it counts as none.
const patience = 20 * time.Second

const secret = "kept for nobody but me"

// The request targets that httpflow's own tests have, over real sockets that send them as they are:
// none is found, none fails the server, none takes its time, and the secret stays where it is.
func TestPaths(t *testing.T) {
	top := tree(t)
	targets := refused(t, top)
	for _, args := range []string{"root", "root --list", "root/a.txt", "root/a.txt ! take bytes=1", ""} {
		t.Run("serve "+args, func(t *testing.T) {
			t.Parallel()
			s := command.Serve(t, top, strings.Fields(args)...)
			for _, target := range targets {
				start := time.Now()
				for _, method := range []string{"GET", "HEAD"} {
					status, answer, err := raw(s.Address(), method, target)
					refusal(t, method+" "+target, status, answer, err)
				}
				if d := time.Since(start); d > time.Second {
					t.Logf("%s: took %v", target, d)
				}
			}
			client := h2c(t)
			sent := 0
			for _, target := range targets {
				if _, err := url.ParseRequestURI(target); err != nil {
					continue // the server resets the stream, and the client tries that again for half a minute
				}
				if strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//") { // else the client changes it
					sent++
					status, answer, err := opaque(client, s.URL, target)
					refusal(t, "h2c "+target, status, answer, err)
				}
			}
			if status, answer, err := raw(s.Address(), "GET", "/"+map[bool]string{true: "tune.mp3", false: "a.txt"}[args == ""]); status != 200 || err != nil {
				t.Errorf("what is there to be had: %d %q, %v", status, answer, err)
			}
			if log := s.Log(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "panic") {
				t.Errorf("the log has a failure:\n%s", log)
			}
			t.Logf("%d targets, %d of them over h2c too", len(targets), sent)
		})
	}
}

// refusal says what is wrong with the answer to a target that must be refused.
func refusal(t *testing.T, what string, status int, answer []byte, err error) {
	t.Helper()
	switch {
	case bytes.Contains(answer, []byte(secret)):
		t.Errorf("%q: the secret got out", what)
	case errors.Is(err, os.ErrDeadlineExceeded):
		t.Errorf("%q: no answer after %v", what, patience)
	case err != nil:
		t.Errorf("%q: %v", what, err)
	case status != http.StatusNotFound && status != http.StatusBadRequest:
		t.Errorf("%q: %d %.100q, want 404", what, status, answer)
	}
}

// raw sends a target as it is, and returns all that comes back, header included.
func raw(address, method, target string) (status int, answer []byte, err error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return 0, nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, nil, err
	}
	if _, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: weir.test\r\nConnection: close\r\n\r\n", method, target); err != nil {
		return 0, nil, err
	}
	if answer, err = io.ReadAll(conn); err != nil {
		return 0, answer, err
	}
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), &http.Request{Method: method})
	if err != nil {
		return 0, answer, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, answer, err
}

func h2c(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// opaque sends a target as :path, as it is.
func opaque(client *http.Client, server, target string) (status int, answer []byte, err error) {
	u, err := url.Parse(server)
	if err != nil {
		return 0, nil, err
	}
	u.Opaque, u.Path = target, ""
	res, err := client.Do(&http.Request{Method: http.MethodGet, URL: u, Header: make(http.Header)})
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, fmt.Appendf(answer, "%v", res.Header), err
}

// tree makes what the targets are about, and returns the directory above the root.
func tree(t *testing.T) (top string) {
	t.Helper()
	top = t.TempDir()
	for name, text := range map[string]string{
		"secret": secret, "root-beside/secret": secret, "root/.hidden": secret, "root/.git/config": secret,
		`root/back\slash.txt`: secret, "root/..a..txt": secret, `root/..\secret`: secret, "root/%2e%2e/.secret": secret,
		"root/a.txt": "a", "root/sub/index.html": "index", "root/sub/deep/b.txt": "b",
	} {
		name = filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(top, "root")
	for name, to := range map[string]string{
		"inside": "a.txt", "outside": "../secret", "absolute": filepath.Join(top, "secret"), "up": "..",
		"zero": "/dev/zero", "loop": "loop", "dangling": "nowhere",
	} {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(root, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	// Only root can make a device; without, the name is one of nothing.
	_ = unix.Mknod(filepath.Join(root, "device"), unix.S_IFCHR|0o644, int(unix.Mkdev(1, 5)))
	return top
}

// refused returns the targets, where the directory above the root is top.
func refused(t *testing.T, top string) (targets []string) {
	t.Helper()
	b, err := os.ReadFile("../../httpflow/testdata/refused.txt")
	if err != nil {
		t.Fatal(err)
	}
	bytes := strings.NewReplacer("{NUL}", "\x00", "{TAB}", "\t", "{top}", top)
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && !strings.HasPrefix(line, "#") {
			targets = append(targets, bytes.Replace(line))
		}
	}
	return targets
}
