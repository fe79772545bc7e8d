//go:build unix

package main

import (
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
