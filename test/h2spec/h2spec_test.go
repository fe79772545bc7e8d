// Package h2spec_test holds pipe-demo serve against the conformance tests of h2spec
// (https://github.com/summerwind/h2spec), beside a plain net/http server with the same content: no
// case that passes there may fail here. What net/http fails is its own affair.
//
// h2spec is pinned in tools/go.mod, for the development only; where it cannot be built the test
// says NOT RUN and tests nothing.
package h2spec_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/test/internal/command"
)

func TestMain(m *testing.M) { os.Exit(command.Main(m)) }

// repeats are how often a case has to fail.
const repeats = 20

// atLeast is how many cases there are. h2spec has 146.
const atLeast = 140

func TestH2spec(t *testing.T) {
	h2spec := build(t)
	dir := t.TempDir()
	content := make([]byte, 300_000)
	rand.NewChaCha8([32]byte{}).Read(content)
	if err := os.WriteFile(filepath.Join(dir, "index.html"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	cert, key := command.Certificate(t)
	for _, protocol := range []string{"h2", "h2c"} {
		t.Run("protocol="+protocol, func(t *testing.T) {
			t.Parallel()
			tls, args := protocol == "h2", []string{"."}
			if tls {
				args = append(args, "--tls-cert", cert, "--tls-key", key)
			}
			ours := command.Serve(t, dir, args...).Address()
			theirs := plain(t, dir, tls, cert, key)

			var here, there map[string]string
			var wait sync.WaitGroup
			wait.Go(func() { here = examine(t, h2spec, ours, tls) })
			wait.Go(func() { there = examine(t, h2spec, theirs, tls) })
			wait.Wait()
			if len(here) != len(there) || len(here) < atLeast {
				t.Fatalf("%d cases at serve, %d at net/http, want %d or more", len(here), len(there), atLeast)
			}
			t.Logf("%d cases; failed at serve: %d, at net/http: %d", len(here), failed(here), failed(there))
			for _, name := range slices.Sorted(maps.Keys(here)) {
				if here[name] == "" || there[name] != "" {
					continue
				}
				// Some cases depend on which of two things comes first: 8.1.2.6/1 fails when the answer
				// has gone out before the wrong length is noticed. net/http fails them now and then,
				// too. What is wrong stays wrong.
				section, _, _ := strings.Cut(name, ":")
				again := 0
				for ; again < repeats; again++ {
					if one := examine(t, h2spec, ours, tls, section); len(one) == 1 && failed(one) == 0 {
						break
					}
				}
				if again == repeats {
					t.Errorf("%s: passes at net/http, and fails here: %s", name, here[name])
				} else {
					t.Logf("%s: failed %d times, and passed then: %s", name, again+1, here[name])
				}
			}
		})
	}
}

func failed(cases map[string]string) (n int) {
	for _, why := range cases {
		if why != "" {
			n++
		}
	}
	return n
}

// build makes h2spec from the module that tools/go.mod names, and returns its path in the build cache of
// Go.
func build(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "tool", "-modfile=tools/go.mod", "-n", "h2spec")
	cmd.Dir = filepath.Join("..", "..")
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		testenv.NotRun(t, "h2spec cannot be built: %v: %s", err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// plain starts a server of net/http's, in this process.
func plain(t *testing.T, dir string, tls bool, cert, key string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{
		Handler:   http.FileServer(http.Dir(dir)),
		Protocols: new(http.Protocols),
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetHTTP2(tls)
	srv.Protocols.SetUnencryptedHTTP2(!tls)
	var wait sync.WaitGroup
	wait.Go(func() {
		if tls {
			_ = srv.ServeTLS(l, cert, key)
		} else {
			_ = srv.Serve(l)
		}
	})
	t.Cleanup(func() {
		srv.Close()
		wait.Wait()
	})
	return l.Addr().String()
}

// examine runs all cases, or those of some sections, and returns for each why it failed, or "".
func examine(t *testing.T, h2spec, address string, tls bool, sections ...string) map[string]string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Error(err)
		return nil
	}
	report := filepath.Join(t.TempDir(), "report.xml")
	// After a GOAWAY net/http keeps the connection for a second: the timeout must be longer.
	args := []string{"--strict", "--timeout", "2", "--host", host, "--port", port, "--junit-report", report}
	if tls {
		args = append(args, "--tls", "--insecure")
	}
	args = append(args, sections...)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, h2spec, args...)
	cmd.WaitDelay = 10 * time.Second
	out, _ := cmd.CombinedOutput() // fails when a case does
	var found struct {
		Suites []struct {
			Cases []struct {
				Package string `xml:"package,attr"`
				Name    string `xml:"classname,attr"`
				Failure string `xml:"failure"`
				Error   string `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	b, err := os.ReadFile(report)
	if err == nil {
		err = xml.Unmarshal(b, &found)
	}
	if err != nil {
		t.Errorf("h2spec %q: %v (%v)\n%s", args, err, ctx.Err(), out)
		return nil
	}
	cases := make(map[string]string)
	for _, suite := range found.Suites {
		for i, c := range suite.Cases {
			cases[fmt.Sprintf("%s/%d: %s", c.Package, i+1, c.Name)] = c.Failure + c.Error
		}
	}
	return cases
}
