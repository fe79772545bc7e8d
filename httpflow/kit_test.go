package httpflow_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/transfer"
)

// protocols are the ways that a handler is reached in the tests.
var protocols = []string{"h1", "h2", "h2c"}

// serve starts a server for the test and returns its URL, with a slash at the end, and a client for
// it.
func serve(t *testing.T, protocol string, h http.Handler) (url string, client *http.Client) {
	t.Helper()
	pipetest.NoLeaks(t)
	srv := httptest.NewUnstartedServer(h)
	transport := &http.Transport{
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true},
		DisableCompression: true,
		Protocols:          new(http.Protocols),
	}
	srv.Config.Protocols = new(http.Protocols)
	switch protocol {
	case "h1":
		srv.Config.Protocols.SetHTTP1(true)
		transport.Protocols.SetHTTP1(true)
		srv.Start()
	case "h2":
		srv.EnableHTTP2 = true
		srv.Config.Protocols.SetHTTP1(true)
		srv.Config.Protocols.SetHTTP2(true)
		transport.Protocols.SetHTTP2(true)
		srv.StartTLS()
	case "h2c":
		srv.Config.Protocols.SetHTTP1(true)
		srv.Config.Protocols.SetUnencryptedHTTP2(true)
		transport.Protocols.SetUnencryptedHTTP2(true)
		srv.Start()
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.Close()
	})
	return srv.URL + "/", &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// each runs f with every protocol.
func each(t *testing.T, f func(t *testing.T, protocol string)) {
	for _, protocol := range protocols {
		t.Run("protocol="+protocol, func(t *testing.T) { f(t, protocol) })
	}
}

// get sends a request with header fields, given as name, value, name, value.
func get(t *testing.T, client *http.Client, method, url string, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(b)
	return b
}

// write makes a file in dir, and the folders above it.
func write(t *testing.T, dir, name string, b []byte) string {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func openRoot(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// after returns a stage that passes everything on and calls f once, when n bytes have passed. An
// error of f is its own.
func after(n int64, f func() error) pipeline.Stage {
	return pipeline.NewStage("after", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		var seen int64
		called := false
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			if seen == 0 {
				if size, ok := in.Size(); ok {
					out.SetSize(size)
				}
			}
			seen += int64(c.Len())
			if seen > n && !called {
				called = true
				if err := f(); err != nil {
					c.Release()
					return err
				}
			}
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// flows collects what OnFlow is told.
type flows struct {
	once sync.Once
	c    chan ended
}

type ended struct {
	report pipeline.Report
	err    error
}

func (f *flows) init() { f.once.Do(func() { f.c = make(chan ended, 100) }) }

func (f *flows) on(_ *http.Request, report pipeline.Report, err error) {
	f.init()
	f.c <- ended{report, err}
}

// next waits for the next flow to end.
func (f *flows) next(t *testing.T) ended {
	t.Helper()
	f.init()
	select {
	case e := <-f.c:
		return e
	case <-t.Context().Done():
		t.Fatal("no flow has ended")
		return ended{}
	}
}

func readAll(t *testing.T, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func equal(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, want %d, or other ones", len(got), len(want))
	}
}

// discard reads a response to its end.
func discard(res *http.Response) (int64, error) {
	defer res.Body.Close()
	return io.Copy(io.Discard, res.Body)
}

// isTimeout reports whether err says that a limit was exceeded.
func isTimeout(err error) bool {
	_, ok := errors.AsType[*transfer.TimeoutError](err)
	return ok
}
