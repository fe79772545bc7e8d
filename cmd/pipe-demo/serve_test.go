//go:build unix

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
)

// clients are HTTP clients by protocol. They take any certificate.
func clients(t *testing.T) map[string]*http.Client {
	t.Helper()
	found := make(map[string]*http.Client)
	for _, protocol := range []string{"h1", "h2c", "h1 over TLS", "h2 over TLS"} {
		p := new(http.Protocols)
		p.SetHTTP1(strings.HasPrefix(protocol, "h1"))
		p.SetHTTP2(protocol == "h2 over TLS")
		p.SetUnencryptedHTTP2(protocol == "h2c")
		transport := &http.Transport{Protocols: p, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		t.Cleanup(transport.CloseIdleConnections)
		found[protocol] = &http.Client{Transport: transport}
	}
	return found
}

// A client that does not read does not hold up the end longer than the grace period, whatever it
// does not read.
func TestServeEndsDespiteStalledClient(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "big"), letters(8<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeCertificate(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")); err != nil {
		t.Fatal(err)
	}
	for protocol, client := range clients(t) {
		for _, what := range []string{"big", ".", "big ! gzip level=0", "/dev/zero ! gzip level=0", "-"} {
			args := []string{"--grace", "10ms"}
			if strings.Contains(protocol, "TLS") {
				args = append(args, "--tls-cert", "cert.pem", "--tls-key", "key.pem")
			}
			p, url := startServer(t, dir, append(args, strings.Fields(what)...)...)
			if what == "-" {
				io.WriteString(p.in, "a beginning, and then nothing")
			}
			if what == "." {
				url += "big"
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatalf("%s, %s: %v; stderr: %s", protocol, what, err, p.stderr.String())
			}
			p.Process.Signal(syscall.SIGTERM)
			said := ""
			if got := p.wait(t); got != 0 {
				said = p.stderr.String()
				t.Errorf("%s, %s: exit code %d: %s", protocol, what, got, said)
			}
			if said = p.stderr.String(); !strings.Contains(said, "aborted after 10ms") || !strings.Contains(said, "aborted at the end of the grace period") {
				t.Errorf("%s, %s: said %q", protocol, what, said)
			}
			if n, err := io.Copy(io.Discard, resp.Body); err == nil {
				t.Errorf("%s, %s: the response ended cleanly after %d bytes", protocol, what, n)
			}
			resp.Body.Close()
			cancel()
		}
	}
}

// A connection on which nothing was asked, as browsers open them in advance, does not hold up the
// end.
func TestServeEndsDespiteSilentConnection(t *testing.T) {
	p, url := startServer(t, t.TempDir(), "--grace", "4s") // http.Server would wait for it for 5 s
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	get(t, url, "bytes=0-9") // accepted after the silent one
	p.Process.Signal(syscall.SIGTERM)
	if got := p.wait(t); got != 0 || strings.Contains(p.stderr.String(), "aborted") {
		t.Errorf("exit code %d: %s", got, p.stderr.String())
	}
}

// A flow streams: what has come goes out, although more is to come.
func TestServeFlowStreams(t *testing.T) {
	p, url := startServer(t, t.TempDir(), "-")
	if _, err := io.WriteString(p.in, "first"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != "first" {
		t.Fatalf("%q, %v", b, err)
	}
	if _, err := io.WriteString(p.in, " second"); err != nil {
		t.Fatal(err)
	}
	p.in.Close()
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != " second" {
		t.Errorf("then %q, %v", rest, err)
	}
	p.Process.Signal(syscall.SIGTERM)
	if got := p.wait(t); got != 0 {
		t.Errorf("exit code %d: %s", got, p.stderr.String())
	}
}

// Standard input cannot be read again: where its one reader leaves or has left, the server ends.
func TestServeStdinClientLeaves(t *testing.T) {
	for protocol, client := range clients(t) {
		if strings.Contains(protocol, "TLS") {
			continue
		}
		p, url := startServer(t, t.TempDir(), "-")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(p.in, "a beginning")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.ReadFull(resp.Body, make([]byte, 11))
		cancel()
		resp.Body.Close()
		if got := p.wait(t); got != cli.ExitNetwork {
			t.Errorf("%s: exit code %d", protocol, got)
		}
		want := "\npipe-demo: serve: the client closed the connection after 11 B\n  standard input can be read only once: start the command that writes it again\n"
		if said := p.stderr.String(); !strings.HasSuffix(said, want) {
			t.Errorf("%s: said %q", protocol, said)
		}
	}
}

// What the client has not received yet may be lost with the process, as in a container that ends with it. So the
// server does not end before.
func TestServeStdinWaitsForItsReader(t *testing.T) {
	for _, version := range []string{"1.1", "1.0"} {
		p, url := startServer(t, t.TempDir(), "-")
		conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
			t.Fatal(err)
		}
		want := letters(500 << 10) // more than the client's side takes, less than the server's
		go func() {
			p.in.Write(want)
			p.in.Close()
		}()
		io.WriteString(conn, "GET / HTTP/"+version+"\r\nHost: x\r\nConnection: close\r\n\r\n")
		ended := make(chan int, 1)
		go func() { ended <- p.wait(t) }()
		select {
		case got := <-ended:
			t.Fatalf("HTTP/%s: it ended, with exit code %d, before the client had read anything: %s", version, got, p.stderr.String())
		case <-time.After(500 * time.Millisecond): // it would take a few
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != string(want) {
			t.Errorf("HTTP/%s: %d bytes, %v", version, len(body), err)
		}
		conn.Close()
		if got := <-ended; got != 0 {
			t.Errorf("HTTP/%s: exit code %d: %s", version, got, p.stderr.String())
		}
	}
}

// A client that leaves ends the flow, and is no error.
func TestServeFlowClientLeaves(t *testing.T) {
	dir := t.TempDir()
	for _, protocol := range []string{"h1", "h2c"} {
		p, url := startServer(t, dir, "/dev/zero", "!", "take", "bytes=1000G")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := clients(t)[protocol].Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.ReadFull(resp.Body, make([]byte, 1000))
		cancel()
		resp.Body.Close()
		p.Process.Signal(syscall.SIGTERM) // waits for the request, which has ended, or is about to
		if got := p.wait(t); got != 0 {
			t.Errorf("exit code %d", got)
		}
		if said := p.stderr.String(); !strings.Contains(said, "level=INFO msg=request method=GET path=/ status=200 ") || !strings.Contains(said, " client_left=true\n") || strings.Contains(said, "ERROR") {
			t.Errorf("%s: said %q", protocol, said)
		}
	}
}
