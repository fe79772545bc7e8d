package httpflow_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/weirflow/weir/httpflow"
)

// A hooked ResponseWriter calls f once, when n bytes or more have been written.
type hooked struct {
	http.ResponseWriter
	n int64
	f func()
}

func (h *hooked) Write(b []byte) (int, error) {
	n, err := h.ResponseWriter.Write(b)
	h.count(int64(n))
	return n, err
}

func (h *hooked) count(n int64) {
	if h.n -= n; h.n <= 0 && h.f != nil {
		h.f()
		h.f = nil
	}
}

func (h *hooked) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// A hookedDirect is one with the ReadFrom of net/http's HTTP/1.
type hookedDirect struct{ *hooked }

func (h hookedDirect) ReadFrom(r io.Reader) (int64, error) {
	n, err := h.ResponseWriter.(io.ReaderFrom).ReadFrom(r)
	h.count(n)
	return n, err
}

// complete sends a GET and tells whether the answer looks complete to the client, and what it was.
func complete(t *testing.T, client *http.Client, url string) (ok bool, what string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil { // what was in the server's buffers has been dropped
		return false, err.Error()
	}
	n, err := discard(res)
	return err == nil, fmt.Sprintf("%s, Content-Length %d, %d bytes, %v", res.Status, res.ContentLength, n, err)
}

// hook is h for responses that call f when n bytes or more of them have been written.
func hook(h http.Handler, n int64, f func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hooked := &hooked{w, n, f}
		if _, ok := w.(io.ReaderFrom); ok {
			h.ServeHTTP(hookedDirect{hooked}, r)
		} else {
			h.ServeHTTP(hooked, r)
		}
	})
}

// Without a stage the file is sent by the handler itself. It is cut while it is being sent: no client
// may believe that it has all of it.
func TestShrinkingPlainFileIsBrokenOff(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		for _, size := range []int64{20 << 10, 300 << 10, 8 << 20} {
			for _, at := range []int64{1, size / 2} {
				if at == 10<<10 {
					continue // all has been written by then, where the kernel copies
				}
				name := write(t, t.TempDir(), "f", make([]byte, size))
				seen := make(chan httpflow.Outcome, 1)
				url, client := serve(t, protocol, hook(httpflow.File(name, httpflow.Options{
					OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen <- o },
				}), at, func() {
					if err := os.Truncate(name, at); err != nil {
						t.Error(err)
					}
				}))
				if ok, what := complete(t, client, url); ok {
					t.Errorf("size %d, cut to %d: the client is content: %s", size, at, what)
				}
				if o := <-seen; !errors.Is(o.Err, io.ErrUnexpectedEOF) || o.ClientGone || o.Status != 200 {
					t.Errorf("size %d, cut to %d: %+v", size, at, o)
				}
			}
		}
	})
}

func TestGrowingPlainFileStopsAtThePromise(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		want := random(1 << 20)
		name := write(t, t.TempDir(), "f", want)
		url, client := serve(t, protocol, hook(httpflow.File(name, httpflow.Options{}), 100<<10, func() {
			if err := os.WriteFile(name, append(want[:len(want):len(want)], want...), 0o600); err != nil {
				t.Error(err)
			}
		}))
		equal(t, readAll(t, get(t, client, "GET", url).Body), want)
	})
}

// Whether the file or the client is to blame for a failed copy by the kernel is found out.
func TestFileFailsWhileTheKernelCopies(t *testing.T) {
	for _, closed := range []bool{true, false} {
		name := write(t, t.TempDir(), "f", make([]byte, 1<<20))
		seen := make(chan httpflow.Outcome, 1)
		url, client := serve(t, "h1", failing{httpflow.File(name, httpflow.Options{
			OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen <- o },
		}), closed})
		if ok, what := complete(t, client, url); ok {
			t.Errorf("the client is content: %s", what)
		}
		if o := <-seen; errors.Is(o.Err, fs.ErrClosed) != closed || o.ClientGone == closed {
			t.Errorf("the file is closed: %v: %+v", closed, o)
		}
	}
}

// failing is a handler whose responses fail in their ReadFrom, after the file was closed or not.
type failing struct {
	http.Handler
	closed bool
}

func (f failing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.Handler.ServeHTTP(failingWriter{w, f.closed}, r)
}

type failingWriter struct {
	http.ResponseWriter
	closed bool
}

func (w failingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w failingWriter) ReadFrom(r io.Reader) (int64, error) {
	if w.closed {
		r.(*io.LimitedReader).R.(*os.File).Close()
	}
	return 0, errors.New("sendfile: input/output error")
}

// The end of the request's context is the end of the response, also where no write fails of it.
func TestPlainFileEndsWithTheContext(t *testing.T) {
	name := write(t, t.TempDir(), "f", make([]byte, 1<<20))
	for _, at := range []int64{0, 100 << 10} {
		t.Run(fmt.Sprint("at=", at), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			if at == 0 {
				cancel()
			}
			var seen httpflow.Outcome
			h := hook(httpflow.File(name, httpflow.Options{
				OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen = o },
			}), at, cancel)
			w := httptest.NewRecorder()
			defer func() {
				v := recover() // a recorder cannot be broken off
				if (v == http.ErrAbortHandler) != (at > 0) || !errors.Is(seen.Err, context.Canceled) || !seen.ClientGone {
					t.Errorf("panic %v, %+v", v, seen)
				}
				if n := w.Body.Len(); at == 0 && w.Code != 503 || at > 0 && (n < int(at) || n > int(at)+64<<10) {
					t.Errorf("%d, %d bytes", w.Code, n)
				}
			}()
			h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
		})
	}
}
