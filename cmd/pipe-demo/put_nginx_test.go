//go:build unix

package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nginx's dav module takes a PUT and knows no conditions. It is a real server that -n must not rely on.
func TestPutToNginx(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("NOT RUN: no nginx here")
	}
	root := startNginx(t)
	dir := newInput(t, []byte("new"))
	for _, test := range []struct{ args, path, said, want string }{
		{"-n in URL/f", "f", "/f: exists already, skipped\n", "old"},
		{"-n in URL/empty", "empty", "/empty: exists already, skipped\n", ""},
		{"-n in URL/g", "g", "/g: 3 B sent\n", "new"},
		{"in URL/f", "f", "/f: 3 B sent\n", "new"},
		{"in URL//a//b//", "a/b/in", "//a//b//in: 3 B sent\n", "new"},
	} {
		code, out := putFrom(t, dir, nil, strings.Fields(strings.ReplaceAll(test.args, "URL", "http://"+root.addr))...)
		got, err := os.ReadFile(filepath.Join(root.dir, test.path))
		if code != 0 || err != nil || string(got) != test.want || !strings.Contains(out, test.said) {
			t.Errorf("put %s: exit code %d; the file has %q, %v; said %q", test.args, code, got, err, out)
		}
	}
}

type nginx struct{ addr, dir string }

func startNginx(t *testing.T) nginx {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := nginx{l.Addr().String(), filepath.Join(t.TempDir(), "files")}
	l.Close()
	dir := filepath.Dir(n.dir)
	for name, text := range map[string]string{"f": "old", "empty": ""} {
		if err := os.MkdirAll(n.dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(n.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	config := fmt.Sprintf(`%s daemon off; master_process off; pid %[2]s/pid; error_log stderr;
events { worker_connections 64; }
http {
	access_log off; client_body_temp_path %[2]s/body; proxy_temp_path %[2]s/proxy; fastcgi_temp_path %[2]s/fastcgi; uwsgi_temp_path %[2]s/uwsgi; scgi_temp_path %[2]s/scgi;
	server { listen %[3]s; root %[2]s/files; location / { dav_methods PUT; create_full_put_path on; } }
}`, user, dir, n.addr)
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nginx", "-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "conf"))
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(log); s.Scan(); {
			select {
			case lines <- s.Text():
			default:
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for range 1000 {
		if c, err := net.Dial("tcp", n.addr); err == nil {
			c.Close()
			return n
		}
		select {
		case line, running := <-lines:
			if !running {
				t.Skip("NOT RUN: nginx does not start")
			}
			if strings.Contains(line, "[emerg]") {
				t.Skip("NOT RUN: ", line)
			}
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatal("nginx does not listen")
	return n
}
