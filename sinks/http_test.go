package sinks_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/transfer"
)

// received is what a server has got of one upload.
type received struct {
	body   []byte
	err    error // with which the body ended
	length int64
	header http.Header
}

// receiver starts a server that reads uploads, and answers with status when it has the whole of one.
// closeAll waits for its handlers.
func receiver(t *testing.T, protocol string, status int) (srv *httptest.Server, client *http.Client, results chan received, closeAll func()) {
	got := make(chan received, 1000)
	var handlers sync.WaitGroup
	srv, client = serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
		handlers.Add(1)
		defer handlers.Done()
		b, err := io.ReadAll(r.Body)
		got <- received{b, err, r.ContentLength, r.Header}
		if err == nil {
			w.WriteHeader(status)
			io.WriteString(w, "so there\nsecond line")
		}
	})
	return srv, client, got, func() {
		client.CloseIdleConnections()
		srv.CloseClientConnections()
		srv.Close()
		handlers.Wait()
	}
}

func put(t testing.TB, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPut, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// S01, S19
func TestHTTP(t *testing.T) {
	for _, protocol := range protocols {
		for _, n := range []int{0, 1, 100, 16<<10 - 1, 16 << 10, 16<<10 + 1, 100_000, 3 << 20} {
			for _, promised := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%d/promised=%v", protocol, n, promised), func(t *testing.T) {
					data, size := pattern(n), int64(-1)
					if promised {
						size = int64(n)
					}
					srv, client, got, _ := receiver(t, protocol, 201)
					p := stream(data, size, 20_000, nil).To(sinks.HTTP(client, put(t, srv.URL)))
					for range 2 {
						if _, err := p.Run(t.Context()); err != nil {
							t.Fatal(err)
						}
						noLeak(t)
						g := <-got
						same(t, "body", data, g.body)
						if g.err != nil {
							t.Error(g.err)
						}
						if n == 0 || promised {
							if g.length != int64(n) {
								t.Errorf("Content-Length %d, want %d", g.length, n)
							}
						} else if g.length >= 0 {
							t.Errorf("Content-Length %d of an unknown size", g.length)
						}
						expects := g.header.Get("Expect") != ""
						if want := promised && n > 1<<20; expects != want && !strings.HasPrefix(protocol, "h2") { // net/http hides it there
							t.Errorf("Expect: %q", g.header.Get("Expect"))
						}
					}
				})
			}
		}
	}
}

// uploads are flows of n bytes that fail when all of them were sent.
func uploads(sink pipeline.Sink, n int, promised bool) map[string]*pipeline.Pipeline {
	size := func(s int) int64 {
		if promised {
			return int64(s)
		}
		return -1
	}
	fail := func(context.Context) error { return errTest }
	data := pattern(n)
	flows := map[string]*pipeline.Pipeline{
		"source":     stream(data, size(n+1), 5000, fail).To(sink),
		"late":       stream(data, size(n), 5000, fail).To(sink),
		"sibling":    stream(data, size(n), 5000, nil).To(pipeline.Tee(sink, failing(errTest))),
		"panic":      stream(data, size(n), 5000, func(context.Context) error { panic(errTest) }).To(sink),
		"concat":     pipeline.Concat(stream(data, -1, 5000, nil), stream(nil, -1, 1, fail)).To(sink),
		"besteffort": stream(data, size(n), 5000, fail).To(pipeline.Tee(pipeline.BestEffort(sink))),
		"pause":      stream(data, size(n), 5000, failIdle).To(sink),
	}
	if promised {
		flows["short"] = stream(data, size(n+1), 5000, nil).To(sink)
		if n > 0 {
			flows["long"] = stream(data, size(n-1), 5000, nil).To(sink)
		}
	}
	return flows
}

// S21, S37: a run that fails never completes a request.
func TestHTTPFailureIsNoEnd(t *testing.T) {
	for _, protocol := range protocols {
		for _, promised := range []bool{true, false} {
			for name := range uploads(sinks.HTTP(nil, nil), 1, promised) {
				t.Run(fmt.Sprintf("%s/promised=%v/%s", protocol, promised, name), func(t *testing.T) {
					srv, client, got, closeAll := receiver(t, protocol, 200)
					requests := 0
					for _, n := range truthSizes() {
						p := uploads(sinks.HTTP(client, put(t, srv.URL)), n, promised)[name]
						if p == nil {
							continue
						}
						_, err := testenv.Run(t.Context(), p)
						if err == nil {
							t.Errorf("%d bytes: the run succeeded", n)
						} else if !errors.Is(err, errTest) && !errors.Is(err, io.ErrUnexpectedEOF) {
							t.Errorf("%d bytes: %v", n, err)
						}
						noLeak(t)
					}
					closeAll()
					for len(got) > 0 {
						requests++
						if g := <-got; g.err == nil {
							t.Errorf("the server got a whole body of %d bytes", len(g.body))
						}
					}
					if requests == 0 && name == "pause" { // the others are often too fast
						t.Error("the server got no request at all")
					}
				})
			}
		}
	}
}

// The exact bytes of a request.
func TestHTTPOnTheWire(t *testing.T) {
	long := string(pattern(20_000))
	for _, test := range []struct {
		name string
		flow func(sink pipeline.Sink) *pipeline.Pipeline
		want string
		ok   bool
	}{
		{"chunked", func(s pipeline.Sink) *pipeline.Pipeline { return stream([]byte("hello"), -1, 5, nil).To(s) },
			"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", true},
		{"chunked, broken off", func(s pipeline.Sink) *pipeline.Pipeline { return stream([]byte("hello"), -1, 5, failIdle).To(s) },
			"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", false},
		{"known", func(s pipeline.Sink) *pipeline.Pipeline { return stream([]byte("hello"), 5, 5, nil).To(s) },
			"Content-Length: 5\r\n\r\nhello", true},
		{"known, broken off", func(s pipeline.Sink) *pipeline.Pipeline { return stream([]byte(long), 20_000, 10_000, failIdle).To(s) },
			"Content-Length: 20000\r\n\r\n" + long[:10_000], false},
		{"empty", func(s pipeline.Sink) *pipeline.Pipeline { return stream(nil, -1, 1, nil).To(s) },
			"Content-Length: 0\r\n\r\n", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := make(chan string, 1)
			addr := listen(t, func(conn *net.TCPConn) {
				conn.SetReadDeadline(time.Now().Add(10 * time.Second))
				var b strings.Builder
				buf := make([]byte, 32<<10)
				for !strings.HasSuffix(b.String(), test.want) || !test.ok {
					n, err := conn.Read(buf)
					b.Write(buf[:n])
					if err != nil {
						got <- b.String()
						return
					}
				}
				got <- b.String()
				io.WriteString(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
			})
			transport := &http.Transport{DisableCompression: true}
			defer transport.CloseIdleConnections()
			req := put(t, "http://"+addr+"/a%2Fb?key=secret")
			req.Header.Set("User-Agent", "x")
			_, err := testenv.Run(t.Context(), test.flow(sinks.HTTP(&http.Client{Transport: transport}, req)))
			if (err == nil) != test.ok {
				t.Errorf("Run: %v", err)
			}
			want := "PUT /a%2Fb?key=secret HTTP/1.1\r\nHost: " + addr + "\r\nUser-Agent: x\r\n"
			if g := <-got; g != want+test.want && (test.ok || !strings.HasPrefix(want+test.want, g) || len(g) < 20) {
				t.Errorf("got %.400q, want %.400q", g, want+test.want)
			}
			noLeak(t)
		})
	}
}

func TestHTTPAnswers(t *testing.T) {
	for _, protocol := range protocols {
		for _, n := range []int{0, 1, 100_000} {
			for _, status := range []int{200, 204, 303, 307, 308, 400, 404, 500, 503} {
				t.Run(fmt.Sprintf("%s/%d bytes/%d", protocol, n, status), func(t *testing.T) {
					requests := make(chan string, 10)
					srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
						requests <- r.Method
						io.Copy(io.Discard, r.Body)
						w.Header().Set("Location", "/elsewhere")
						w.Header().Set("Retry-After", "7")
						w.WriteHeader(status)
						if status != 204 {
							io.WriteString(w, "so \x1b there\nsecond line")
						}
					})
					_, err := stream(pattern(n), -1, 5000, nil).To(sinks.HTTP(client, put(t, srv.URL))).Run(t.Context())
					noLeak(t)
					if len(requests) != 1 {
						t.Errorf("%d requests", len(requests))
					}
					if status < 300 {
						if err != nil {
							t.Error(err)
						}
						return
					}
					var e *transfer.StatusError
					if !errors.As(err, &e) || e.Status != status || string(e.Body) != "so \x1b there\nsecond line" || e.Header.Get("Retry-After") != "7" {
						t.Fatalf("got %#v", err)
					}
					want := fmt.Sprintf(`PUT %s: the server answered %d %s: "so \x1b there"`, srv.URL, status, http.StatusText(status))
					if status < 400 {
						want = fmt.Sprintf(`PUT %s: the server answered %d %s, a redirect to /elsewhere`, srv.URL, status, http.StatusText(status))
					}
					if err.Error() != want {
						t.Errorf("got  %s\nwant %s", err, want)
					}
				})
			}
		}
	}
}

// A server that refuses early and closes: the answer counts, not the broken pipe. S10
func TestHTTPRefusedEarly(t *testing.T) {
	for _, protocol := range protocols {
		for _, size := range []int64{-1, 1 << 40} {
			t.Run(protocol+"/"+known(size), func(t *testing.T) {
				srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					io.ReadFull(r.Body, make([]byte, 100))
					http.Error(w, "not you", http.StatusForbidden)
				})
				src := pipeline.NewSource("endless", func(ctx context.Context, out *pipeline.Outlet) error {
					if size >= 0 {
						out.SetSize(size)
					}
					return flood.Run(ctx, out)
				})
				_, err := src.To(sinks.HTTP(client, put(t, srv.URL))).Run(t.Context())
				var e *transfer.StatusError
				if !errors.As(err, &e) || e.Status != 403 {
					t.Errorf("got %v", err)
				}
				noLeak(t)
			})
		}
	}
	// The source has nothing to send when the answer comes.
	t.Run("silent source", func(t *testing.T) {
		srv, client := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).EnableFullDuplex()
			io.ReadFull(r.Body, make([]byte, 100))
			http.Error(w, "not you", http.StatusForbidden)
			http.NewResponseController(w).Flush()
			io.Copy(io.Discard, r.Body)
		})
		wait := func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
		_, err := stream(pattern(100), -1, 100, wait).To(sinks.HTTP(client, put(t, srv.URL))).Run(t.Context())
		var e *transfer.StatusError
		if !errors.As(err, &e) || e.Status != 403 {
			t.Errorf("got %v", err)
		}
		noLeak(t)
	})
	// The raw kind: an answer, and the connection is closed with unread data.
	t.Run("close", func(t *testing.T) {
		addr := listen(t, func(conn *net.TCPConn) {
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\nConnection: close\r\n\r\nnot you")
			}
		})
		var answers int
		for range 20 {
			transport := &http.Transport{}
			_, err := flood.To(sinks.HTTP(&http.Client{Transport: transport}, put(t, "http://"+addr))).Run(t.Context())
			transport.CloseIdleConnections()
			if err == nil {
				t.Fatal("the run succeeded")
			}
			if e := (*transfer.StatusError)(nil); errors.As(err, &e) {
				answers++
			} else {
				t.Log(err)
			}
			noLeak(t)
		}
		t.Logf("%d of 20 answers were seen", answers)
	})
}

// A 2xx that comes before the end of the body is not about the whole of it.
func TestHTTPEarlySuccess(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				io.ReadFull(r.Body, make([]byte, 100))
				w.WriteHeader(201)
			})
			_, err := flood.To(sinks.HTTP(client, put(t, srv.URL))).Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), "before it had the whole body") {
				t.Errorf("got %v", err)
			}
			noLeak(t)
		})
	}
}

// S22: the server does not read, or never answers.
func TestHTTPCancel(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol+"/server does not read", func(t *testing.T) {
			stop := make(chan struct{})
			defer close(stop)
			srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-stop:
				case <-r.Context().Done():
				}
			})
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			p := flood.To(sinks.HTTP(client, put(t, srv.URL)))
			run, err := p.Start(ctx)
			if err != nil {
				t.Fatal(err)
			}
			go cancelWhenStuck(run, func() { cancel(io.EOF) })
			_, err = run.Wait()
			if err != io.EOF { // a nasty cause
				t.Errorf("got %v, want the cause", err)
			}
			noLeak(t)
		})
		t.Run(protocol+"/server never answers", func(t *testing.T) {
			stop := make(chan struct{})
			defer close(stop)
			read := make(chan error, 1)
			srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				_, err := io.Copy(io.Discard, r.Body)
				read <- err
				select {
				case <-stop:
				case <-r.Context().Done():
				}
			})
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() {
				if err := <-read; err != nil {
					t.Error(err)
				}
				cancel(errTest)
			}()
			_, err := stream(pattern(9999), -1, 5000, nil).To(sinks.HTTP(client, put(t, srv.URL).WithContext(ctx))).Run(ctx)
			if !errors.Is(err, errTest) {
				t.Errorf("got %v, want the cause", err)
			}
			noLeak(t)
		})
	}
}

// cancelWhenStuck cancels a run when nothing moves any more.
func cancelWhenStuck(run *pipeline.Run, cancel func()) {
	for last := int64(-1); ; {
		time.Sleep(50 * time.Millisecond)
		now := run.Snapshot().Channels[0].Bytes
		if now == last && now > 0 {
			cancel()
			return
		}
		last = now
	}
}

// The request's own context ends it too, and a transport may fail or panic.
func TestHTTPTransportFails(t *testing.T) {
	closed := put(t, "http://127.0.0.1:1/x?key=secret")
	closed.URL.User = nil
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errTest)
	for _, test := range []struct {
		name   string
		client *http.Client
		req    *http.Request
		want   string
	}{
		{"refused", nil, closed, "PUT http://127.0.0.1:1/x: dial tcp 127.0.0.1:1: connect: connection refused"},
		{"context", nil, closed.WithContext(ctx), "PUT http://127.0.0.1:1/x: the disk is gone"},
		{"eof", &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) { r.Body.Close(); return nil, io.EOF })}, closed, "PUT http://127.0.0.1:1/x: unexpected EOF"},
		{"panic", &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { panic("ouch") })}, closed, "PUT http://127.0.0.1:1/x: panic: ouch"},
		{"nil", nil, nil, "http: no http.Request"},
		{"secrets", nil, put(t, "http://user:secret@127.0.0.1:1/x?key=secret"), "PUT http://127.0.0.1:1/x: dial tcp 127.0.0.1:1: connect: connection refused"},
		{"method", nil, &http.Request{URL: closed.URL}, "http://127.0.0.1:1/x: method \"\": want PUT, POST or PATCH"},
		{"body", nil, httptest.NewRequest("PUT", "http://a/", strings.NewReader("x")), "PUT http://a/: the request has a body of its own"},
	} {
		for _, n := range []int{0, 5, 50_000} {
			t.Run(fmt.Sprintf("%s/%d", test.name, n), func(t *testing.T) {
				_, err := stream(pattern(n), -1, 5000, nil).To(sinks.HTTP(test.client, test.req)).Run(t.Context())
				if err == nil || err.Error() != test.want {
					t.Errorf("got  %v\nwant %s", err, test.want)
				}
				noLeak(t)
			})
		}
	}
}

// golang/go#51907: a transport may be at work on the body after Do has returned.
func TestHTTPWaitsForTheBodysClose(t *testing.T) {
	for _, fail := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) { waitsForTheBodysClose(t, fail) })
	}
}

func waitsForTheBodysClose(t *testing.T, fail bool) {
	var closed atomic.Bool
	began := make(chan struct{})
	late := roundTripper(func(r *http.Request) (*http.Response, error) {
		close(began)
		_, err := io.Copy(io.Discard, r.Body)
		go func() {
			time.Sleep(time.Minute) // all others wait
			closed.Store(true)
			r.Body.Close()
		}()
		return &http.Response{StatusCode: 200, Body: http.NoBody}, err
	})
	after := func(context.Context) error { return nil }
	if fail {
		after = func(context.Context) error { <-began; return errTest }
	}
	_, err := stream(pattern(50_000), -1, 5000, after).To(sinks.HTTP(&http.Client{Transport: late}, put(t, "http://x/"))).Run(t.Context())
	if (err != nil) != fail || !closed.Load() {
		t.Errorf("Run returned %v; closed by then: %v", err, closed.Load())
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A ContentLength of the request is a promise that the stream must keep.
func TestHTTPContentLengthOfTheRequest(t *testing.T) {
	for _, test := range []struct {
		n, length int
		size      int64
		ok        bool
	}{{5, 5, -1, true}, {5, 5, 5, true}, {5, 6, -1, false}, {6, 5, -1, false}, {0, 5, -1, false}, {5, 6, 5, false}, {50_000, 50_000, -1, true}, {50_001, 50_000, -1, false}} {
		srv, client, got, closeAll := receiver(t, "h1", 200)
		req := put(t, srv.URL)
		req.ContentLength = int64(test.length)
		_, err := stream(pattern(test.n), test.size, 5000, nil).To(sinks.HTTP(client, req)).Run(t.Context())
		if (err == nil) != test.ok {
			t.Errorf("%+v: %v", test, err)
		}
		closeAll()
		for len(got) > 0 {
			if g := <-got; (g.err == nil) != test.ok || g.length != int64(test.length) {
				t.Errorf("%+v: the server got %d bytes, Content-Length %d, %v", test, len(g.body), g.length, g.err)
			}
		}
	}
}

// S24
func TestHTTPOfRunsAtOnce(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			srv, client, got, _ := receiver(t, protocol, 200)
			data := pattern(50_000)
			p := stream(data, -1, 5000, nil).To(sinks.HTTP(client, put(t, srv.URL)))
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					if _, err := p.Run(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			for range 100 {
				g := <-got
				same(t, "body", data, g.body)
			}
			noLeak(t)
		})
	}
}

func TestHTTPStopped(t *testing.T) {
	srv, client, got, _ := receiver(t, "h1", 200)
	outer := pipeline.NewSink("outer", func(ctx context.Context, in *pipeline.Inlet) error {
		ctx, stop := context.WithCancelCause(ctx)
		time.AfterFunc(20*time.Millisecond, func() { stop(pipeline.ErrStopped) })
		_ = sinks.HTTP(client, put(t, srv.URL)).Run(ctx, in)
		return nil
	})
	if _, err := flood.To(outer).Run(t.Context()); err == nil {
		t.Error("the run succeeded")
	}
	if g := <-got; g.err == nil {
		t.Error("the server got a whole body")
	}
	noLeak(t)
}

// The conformance kit: what a server has received as a whole is what is published.
func TestHTTPConforms(t *testing.T) {
	for _, protocol := range []string{"h1", "h2c"} {
		t.Run(protocol, func(t *testing.T) {
			var mu sync.Mutex
			stored := make(map[string][]byte)
			srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				b, err := io.ReadAll(r.Body)
				if err != nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				stored[r.URL.Path] = append(stored[r.URL.Path], append([]byte{}, b...)...)
				if stored[r.URL.Path] == nil {
					stored[r.URL.Path] = []byte{}
				}
			})
			n := 0
			pipetest.TestSinkWith(t, func(testing.TB) pipetest.Target {
				n++
				path := fmt.Sprintf("/%d", n)
				return pipetest.Target{
					Sink: sinks.HTTPWith(client, put(t, srv.URL+path), sinks.HTTPOptions{Digest: "sha-256"}),
					Published: func() ([]byte, bool) {
						mu.Lock()
						defer mu.Unlock()
						b, ok := stored[path]
						return b, ok
					},
				}
			}, pipetest.SinkOptions{Idle: client.CloseIdleConnections})
		})
	}
}
