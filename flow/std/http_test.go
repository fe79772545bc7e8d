package std_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/flow/std"
)

// Downloads and uploads have the settings of the registry and of the build.
func TestHTTP(t *testing.T) {
	dir := t.TempDir()
	refused := false
	var agents []string
	var stored string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agents = append(agents, r.Method+" "+r.UserAgent())
		if r.Method == http.MethodPut {
			if r.ContentLength != 5 {
				t.Errorf("the upload has the length %d", r.ContentLength)
			}
			b, _ := io.ReadAll(r.Body)
			stored = string(b)
			w.WriteHeader(http.StatusCreated)
			return
		}
		if !refused {
			refused = true
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "hello")
	}))
	defer srv.Close()
	reg := std.RegistryWith(std.Options{UserAgent: "me", Client: srv.Client()})
	out := filepath.Join(dir, "out")
	address := strings.Replace(srv.URL, "http://", "http://u:secret@", 1) + "/x?token"
	var retried []string
	for _, words := range [][]string{{address, "!", out}, {out, "!", "digest", "!", srv.URL + "/y"}} {
		f, err := reg.Parse(words...)
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.Pipeline(flow.BuildOptions{Context: t.Context(), OnRetry: func(word string, _ int, _ time.Duration, _ error) { retried = append(retried, word) }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(out); err != nil || string(b) != "hello" || stored != "hello" {
		t.Errorf("downloaded %q, %v; uploaded %q", b, err, stored)
	}
	if got, want := strings.Join(agents, ", "), "GET me, GET me, PUT me"; got != want {
		t.Errorf("requests: %s, want %s", got, want)
	}
	if len(retried) != 1 || strings.Contains(retried[0], "secret") || !strings.HasPrefix(retried[0], "GET http://127.0.0.1:") || !strings.HasSuffix(retried[0], "/x") {
		t.Errorf("retries of %q", retried)
	}
}

// A run that is cancelled while its upload waits for the answer does not wait any longer.
func TestUploadIsCancelledInItsLastStep(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	late := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		select {
		case <-r.Context().Done():
		case <-late:
		}
	}))
	defer srv.Close()
	timer := time.AfterFunc(10*time.Second, func() { close(late) })
	in := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(in, []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := std.Registry().Parse(in, "!", srv.URL+"/x")
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Pipeline(flow.BuildOptions{Context: ctx})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Run(ctx); !errors.Is(err, context.Canceled) || !timer.Stop() {
		t.Errorf("%v; the server was late: %v", err, !timer.Stop())
	}
}
