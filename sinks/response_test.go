package sinks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
)

var errTest = errors.New("the disk is gone")

// S01, S19: the whole stream arrives, with a Content-Length when the size is known.
func TestResponse(t *testing.T) {
	for _, protocol := range protocols {
		for _, n := range []int{0, 1, 100, 16<<10 - 1, 16 << 10, 16<<10 + 1, 100_000, 1 << 20} {
			for _, promised := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%d/promised=%v", protocol, n, promised), func(t *testing.T) {
					data, size := pattern(n), int64(-1)
					if promised {
						size = int64(n)
					}
					ran := make(chan error, 2)
					srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("X-Test", "1")
						_, err := stream(data, size, 20_000, nil).To(sinks.Response(w)).Run(r.Context())
						ran <- err
					})
					for range 2 { // the connection is good for another request
						resp, err := client.Get(srv.URL)
						if err != nil {
							t.Fatal(err)
						}
						got, err := io.ReadAll(resp.Body)
						resp.Body.Close()
						if err != nil {
							t.Error(err)
						}
						same(t, "body", data, got)
						if resp.StatusCode != 200 || resp.Header.Get("X-Test") != "1" {
							t.Errorf("status %d, header %v", resp.StatusCode, resp.Header)
						}
						if promised && resp.ContentLength != size {
							t.Errorf("Content-Length %d, want %d", resp.ContentLength, size)
						}
						if err := <-ran; err != nil {
							t.Error(err)
						}
					}
					noLeak(t)
				})
			}
		}
	}
}

// outcome is what a client got: nothing whole, unless ok.
func outcome(client *http.Client, url string) (ok bool, what string) {
	resp, err := client.Post(url, "", nil) // a GET would be sent again when the connection breaks
	if err != nil {
		return false, err.Error()
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	what = fmt.Sprintf("%s, Content-Length %d, %d bytes, %v", resp.Status, resp.ContentLength, n, err)
	return err == nil && resp.StatusCode < 400, what
}

// brokenFlows are flows into a response that fail when n bytes of it have been sent.
func brokenFlows(w http.ResponseWriter, n int, promised bool) map[string]*pipeline.Pipeline {
	size := func(s int) int64 {
		if promised {
			return int64(s)
		}
		return -1
	}
	fail := func(context.Context) error { return errTest }
	data := pattern(n)
	flows := map[string]*pipeline.Pipeline{
		"source":  stream(data, size(n+1), 5000, fail).To(sinks.Response(w)),
		"late":    stream(data, size(n), 5000, fail).To(sinks.Response(w)),
		"sibling": stream(data, size(n), 5000, nil).To(pipeline.Tee(sinks.Response(w), failing(errTest))),
		"step": stream(data, size(n), 5000, nil).To(pipeline.Tee(pipeline.NewSink("step", func(ctx context.Context, in *pipeline.Inlet) error {
			in.AtEnd(func(_ context.Context, failed error) error {
				if failed == nil {
					return errTest
				}
				return nil
			})
			return in.CopyTo(ctx, io.Discard)
		}), sinks.Response(w))),
		"panic":  stream(data, size(n), 5000, func(context.Context) error { panic(errTest) }).To(sinks.Response(w)),
		"concat": pipeline.Concat(stream(data, -1, 5000, nil), stream(nil, -1, 1, fail)).To(sinks.Response(w)),
		"pause":  stream(data, size(n), 5000, failIdle).To(sinks.Response(w)),
	}
	if promised {
		flows["short"] = stream(data, size(n+1), 5000, nil).To(sinks.Response(w))
		if n > 0 {
			flows["long"] = stream(data, size(n-1), 5000, nil).To(sinks.Response(w))
		}
	}
	return flows
}

// truthSizes are the sizes, in bytes, at which a transfer is made to fail.
func truthSizes() []int {
	if testing.Short() {
		return []int{0, 1, 16 << 10, 64 << 10}
	}
	return []int{0, 1, 100, 2048, 4096, 6200, 16 << 10, 16<<10 + 1, 64 << 10, 1 << 20}
}

// S21, S37: no failure ever looks like the end of the response, whatever the handler does then.
func TestResponseFailureIsNoEnd(t *testing.T) {
	for _, protocol := range protocols {
		for _, promised := range []bool{true, false} {
			for name := range brokenFlows(nil, 1, promised) {
				t.Run(fmt.Sprintf("%s/promised=%v/%s", protocol, promised, name), func(t *testing.T) {
					var n int
					ran := make(chan error, 1)
					srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
						p := brokenFlows(w, n, promised)[name]
						if p == nil {
							p = stream(nil, 1, 1, nil).To(sinks.Response(w)) // there is no shorter one than 0
						}
						_, err := testenv.Run(context.Background(), p)
						ran <- err
						http.Error(w, "no luck", 500)
					})
					for _, n = range truthSizes() {
						ok, what := outcome(client, srv.URL)
						if ok {
							t.Errorf("%d bytes, then a failure; the client got %s", n, what)
						}
						if err := <-ran; err == nil {
							t.Errorf("%d bytes: the run succeeded", n)
						} else if !errors.Is(err, errTest) && !errors.Is(err, io.ErrUnexpectedEOF) {
							t.Errorf("%d bytes: %v", n, err)
						}
					}
					noLeak(t)
				})
			}
		}
	}
}

// The same for a client that nobody here wrote. HTTP/1.0 without a length is not among them: there the end of the
// connection is the end of the body, which takes more than a sink; see httpflow.Handler.
func TestResponseFailureSeenByCurl(t *testing.T) {
	curl := testenv.Program(t, "curl", "curl")
	for _, flags := range []string{"--http1.1", "--http1.0", "--http2-prior-knowledge", "--http1.1 tls", "--http1.0 --no-alpn tls", "--http2 tls"} {
		flag, overTLS := strings.CutSuffix(flags, " tls")
		protocol := "h2c"
		if overTLS {
			protocol = "h2"
		}
		for _, promised := range []bool{true, false} {
			if !promised && strings.HasPrefix(flags, "--http1.0") {
				continue
			}
			for _, name := range []string{"source", "late", "sibling", "pause"} {
				t.Run(fmt.Sprintf("%s/promised=%v/%s", flags, promised, name), func(t *testing.T) {
					handler := func(w http.ResponseWriter, r *http.Request) {
						n, _ := strconv.Atoi(r.FormValue("n"))
						p := brokenFlows(w, n, promised)[name]
						if r.FormValue("fine") != "" {
							p = stream(pattern(n), -1, 5000, nil).To(sinks.Response(w))
						}
						if _, err := testenv.Run(r.Context(), p); err != nil {
							http.Error(w, "no luck", 500)
						}
					}
					srv, _ := serve(t, protocol, handler)
					// One process asks for all, and prints a line for each.
					// A name for each gives each a connection of its own.
					_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
					scheme, _, _ := strings.Cut(srv.URL, ":")
					args := append(strings.Fields(flag), "--resolve", "*:"+port+":127.0.0.1", "-sSfk", "--noproxy", "*", "--max-time", "20", "-w", "%{exitcode} %{http_code} %{size_download}\n")
					queries := []string{"n=0", "n=1", "n=100", "n=4096", "n=65536", "n=1048576", "fine=1&n=100"}
					for i, query := range queries {
						args = append(args, "-o", os.DevNull, fmt.Sprintf("%s://test%d.invalid:%s/?%s", scheme, i, port, query))
					}
					var stderr bytes.Buffer
					cmd := exec.Command(curl, args...)
					cmd.Stderr = &stderr
					out, _ := cmd.Output()
					ends := strings.Split(strings.TrimSpace(string(out)), "\n")
					if len(ends) != len(queries) {
						t.Fatalf("curl ended %q; want %d of them: %s", ends, len(queries), &stderr)
					}
					for i, query := range queries {
						fine := strings.HasPrefix(query, "fine")
						if exit, _, _ := strings.Cut(ends[i], " "); (exit == "0") != fine {
							t.Errorf("%s: curl ended with (code, status, bytes) %s; want success: %v\n%s", query, ends[i], fine, &stderr)
						}
					}
				})
			}
		}
	}
}

// raw sends a request by hand and returns everything that comes back.
func raw(t *testing.T, addr, request string) (answer string, err error) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(conn)
	return string(b), err
}

func TestResponseOnTheWire(t *testing.T) {
	long := pattern(20_000)
	for _, test := range []struct {
		name, request string
		flow          func(w http.ResponseWriter) *pipeline.Pipeline
		want          string // after the Date field
		reset         bool
	}{
		{
			"chunked", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
			func(w http.ResponseWriter) *pipeline.Pipeline {
				return stream([]byte("hello"), -1, 5, nil).To(sinks.Response(w))
			}, "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", false,
		},
		{
			"chunked, broken off", "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
			func(w http.ResponseWriter) *pipeline.Pipeline {
				return stream([]byte("hello"), -1, 5, failIdle).To(sinks.Response(w))
			}, "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true,
		},
		{
			"known", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
			func(w http.ResponseWriter) *pipeline.Pipeline {
				return stream([]byte("hello"), 5, 5, nil).To(sinks.Response(w))
			}, "Content-Length: 5\r\nConnection: close\r\n\r\nhello", false,
		},
		{
			"known, broken off", "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
			func(w http.ResponseWriter) *pipeline.Pipeline {
				return stream(long, 20_000, 10_000, failIdle).To(sinks.Response(w))
			}, "Content-Length: 20000\r\n\r\n" + string(long[:10_000]), false,
		},
		{
			"empty", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
			func(w http.ResponseWriter) *pipeline.Pipeline { return stream(nil, -1, 1, nil).To(sinks.Response(w)) },
			"Content-Length: 0\r\nConnection: close\r\n\r\n", false,
		},
		{
			"1.0, broken off", "GET / HTTP/1.0\r\n\r\n",
			func(w http.ResponseWriter) *pipeline.Pipeline {
				return stream([]byte("hello"), -1, 5, failIdle).To(sinks.Response(w))
			}, "\r\nhello", true,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv, _ := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Date"] = nil
				w.Header().Set("Content-Type", "a/b")
				_, _ = testenv.Run(context.Background(), test.flow(w))
			})
			answer, err := raw(t, srv.Listener.Addr().String(), test.request)
			_, got, _ := strings.Cut(answer, "\r\n")
			got = strings.Replace(got, "Content-Type: a/b\r\n", "", 1)
			if got != test.want {
				t.Errorf("got %.300q, want %.300q", got, test.want)
			}
			if (err != nil) != test.reset {
				t.Errorf("the connection ended with %v, want a reset: %v", err, test.reset)
			}
		})
	}
}

// S09: nothing was written, so the handler answers.
func TestResponseUntouched(t *testing.T) {
	for _, protocol := range protocols {
		for name, flow := range map[string]func(w http.ResponseWriter) *pipeline.Pipeline{
			"no chunk": func(w http.ResponseWriter) *pipeline.Pipeline {
				return stream(nil, -1, 1, func(context.Context) error { return errTest }).To(sinks.Response(w))
			},
			"short": func(w http.ResponseWriter) *pipeline.Pipeline { return stream(nil, 5, 1, nil).To(sinks.Response(w)) },
			"small sibling": func(w http.ResponseWriter) *pipeline.Pipeline {
				return stream(pattern(9000), 9000, 9000, nil).To(pipeline.Tee(sinks.ResponseWith(w, sinks.ResponseOptions{Status: 206}), failing(errTest)))
			},
			"cancelled": func(w http.ResponseWriter) *pipeline.Pipeline {
				return stream(nil, -1, 1, func(ctx context.Context) error { <-ctx.Done(); return nil }).To(sinks.Response(w))
			},
			"other length": func(w http.ResponseWriter) *pipeline.Pipeline {
				w.Header().Set("Content-Length", "6")
				return stream([]byte("hello"), 5, 5, nil).To(sinks.Response(w))
			},
			"odd length": func(w http.ResponseWriter) *pipeline.Pipeline {
				w.Header().Set("Content-Length", "-1")
				return stream([]byte("hello"), -1, 5, nil).To(sinks.Response(w))
			},
			"no body allowed": func(w http.ResponseWriter) *pipeline.Pipeline {
				return stream([]byte("hello"), -1, 5, nil).To(sinks.ResponseWith(w, sinks.ResponseOptions{Status: 204}))
			},
			"status": func(w http.ResponseWriter) *pipeline.Pipeline {
				return stream([]byte("hello"), -1, 5, nil).To(sinks.ResponseWith(w, sinks.ResponseOptions{Status: 99}))
			},
		} {
			t.Run(protocol+"/"+name, func(t *testing.T) {
				srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					ctx, cancel := context.WithTimeoutCause(context.Background(), 20*time.Millisecond, errTest)
					defer cancel()
					_, err := flow(w).Run(ctx)
					if err == nil {
						t.Error("the run succeeded")
						return
					}
					w.Header().Del("Content-Length")
					http.Error(w, "no luck", http.StatusTeapot)
				})
				resp, err := client.Get(srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusTeapot || string(b) != "no luck\n" {
					t.Errorf("got %s %q %v", resp.Status, b, err)
				}
			})
		}
	}
}

func TestResponseStatus(t *testing.T) {
	for _, protocol := range protocols {
		for _, test := range []struct {
			status int
			body   string
			length int64
		}{{0, "hello", 5}, {206, "hello", 5}, {206, "", 0}, {404, "gone", 4}, {204, "", 0}, {304, "", -1}} {
			t.Run(fmt.Sprintf("%s/%d %q", protocol, test.status, test.body), func(t *testing.T) {
				srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					_, err := stream([]byte(test.body), int64(len(test.body)), 5, nil).To(sinks.ResponseWith(w, sinks.ResponseOptions{Status: test.status})).Run(r.Context())
					if err != nil {
						t.Error(err)
					}
				})
				resp, err := client.Get(srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				want := test.status
				if want == 0 {
					want = 200
				}
				if resp.StatusCode != want || string(b) != test.body || err != nil {
					t.Errorf("got %s %q %v", resp.Status, b, err)
				}
				if (test.status == 204 || test.status == 304) && resp.Header.Get("Content-Length") != "" {
					t.Errorf("a Content-Length of %s", resp.Header.Get("Content-Length"))
				}
			})
		}
	}
	t.Run("of the handler", func(t *testing.T) {
		srv, client := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(206)
			if _, err := stream([]byte("hello"), -1, 5, nil).To(sinks.Response(w)).Run(r.Context()); err != nil {
				t.Error(err)
			}
		})
		resp, err := client.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); resp.StatusCode != 206 || resp.ContentLength != 5 || string(b) != "hello" || err != nil {
			t.Errorf("got %s %d %q %v", resp.Status, resp.ContentLength, b, err)
		}
	})
}

// S25
func TestResponseIsSingleUse(t *testing.T) {
	srv, client := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
		p := stream([]byte("hello"), -1, 5, nil).To(sinks.Response(w))
		if _, err := p.Run(r.Context()); err != nil {
			t.Error(err)
		}
		if _, err := p.Run(r.Context()); !errors.Is(err, pipeline.ErrSingleUse) {
			t.Errorf("second run: %v", err)
		}
	})
	if ok, what := outcome(client, srv.URL); !ok { // the second run did not touch it
		t.Error(what)
	}
}

// A chunk goes out when no other is ready, before the stream goes on.
func TestResponseFlushesWhenDry(t *testing.T) {
	for _, protocol := range protocols {
		for _, size := range []int64{-1, 40_000} {
			t.Run(protocol+"/"+known(size), func(t *testing.T) {
				seen := make(chan struct{})
				srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					src := pipeline.NewSource("slow", func(ctx context.Context, out *pipeline.Outlet) error {
						if size >= 0 {
							out.SetSize(size)
						}
						for _, b := range []string{"one", strings.Repeat("x", 40_000-3)} {
							if err := out.Send(ctx, pipeline.ChunkOf([]byte(b))); err != nil {
								return err
							}
							<-seen
						}
						return nil
					})
					if _, err := src.To(sinks.Response(w)).Run(r.Context()); err != nil {
						t.Error(err)
					}
				})
				resp, err := client.Get(srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				b := make([]byte, 3)
				if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != "one" {
					t.Errorf("%q %v", b, err)
				}
				close(seen)
				if n, err := io.Copy(io.Discard, resp.Body); n != 40_000-3 || err != nil {
					t.Errorf("%d more bytes, %v", n, err)
				}
			})
		}
	}
}

// S07: the client leaves after the header; the source stops.
func TestResponseClientLeaves(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			var released atomic.Bool
			ran := make(chan error, 1)
			srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				src := pipeline.NewSource("file", func(ctx context.Context, out *pipeline.Outlet) error {
					defer released.Store(true)
					return flood.Run(ctx, out)
				})
				_, err := src.To(sinks.Response(w)).Run(context.Background())
				if !released.Load() {
					t.Error("Run returned before the source")
				}
				ran <- err
			})
			resp, err := client.Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			var e *pipeline.Error
			if err := <-ran; !errors.As(err, &e) || e.Node != "response" {
				t.Errorf("got %v, want a failure of the response", err)
			}
			noLeak(t)
		})
	}
}

// S22: the client does not read; the cancelled run returns with its own cause.
func TestResponseCancelWhileClientDoesNotRead(t *testing.T) {
	for _, protocol := range protocols {
		for _, size := range []int64{-1, 1 << 40} {
			t.Run(protocol+"/"+known(size), func(t *testing.T) {
				ran := make(chan error, 1)
				ctx, cancel := context.WithCancelCause(context.Background())
				defer cancel(nil)
				srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					p := pipeline.NewSource("endless", func(ctx context.Context, out *pipeline.Outlet) error {
						if size >= 0 {
							out.SetSize(size)
						}
						return flood.Run(ctx, out)
					}).To(sinks.Response(w))
					run, err := p.Start(ctx)
					if err == nil {
						go cancelWhenStuck(run, func() { cancel(errTest) })
						_, err = run.Wait()
					}
					ran <- err
				})
				resp, err := client.Get(srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				<-ctx.Done()
				if err := <-ran; err != errTest {
					t.Errorf("Run returned %v, want the cause", err)
				}
				if n, err := io.Copy(io.Discard, resp.Body); err == nil {
					t.Errorf("the client got a complete response of %d bytes", n)
				}
				resp.Body.Close()
				noLeak(t)
			})
		}
	}
}

// A writer without deadlines cannot be broken off, and Run says what to do.
func TestResponseWithoutDeadlines(t *testing.T) {
	rec := httptest.NewRecorder()
	_, err := stream([]byte("hello"), -1, 5, func(context.Context) error { return errTest }).To(sinks.Response(rec)).Run(t.Context())
	if !errors.Is(err, errTest) {
		t.Errorf("got %v", err)
	}
	if rec.Body.Len() > 0 && !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("got %v, want a hint that the response could not be broken off", err)
	}

	rec = httptest.NewRecorder()
	if _, err := stream([]byte("hello"), 5, 5, nil).To(sinks.Response(rec)).Run(t.Context()); err != nil || rec.Body.String() != "hello" {
		t.Errorf("got %q %v", rec.Body, err)
	}
	if _, err := stream([]byte("hello"), 5, 5, nil).To(sinks.Response(nil)).Run(t.Context()); err == nil {
		t.Error("a nil ResponseWriter was written to")
	}
}

// The server's and the handler's own write deadlines stay as they are.
func TestResponseLeavesDeadlinesAlone(t *testing.T) {
	set := 0
	srv, client := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
		if _, err := stream(pattern(100_000), 100_000, 5000, nil).To(sinks.Response(counting{w, &set})).Run(r.Context()); err != nil {
			t.Error(err)
		}
	})
	if ok, what := outcome(client, srv.URL); !ok || set != 0 {
		t.Errorf("%s; deadlines set: %d", what, set)
	}
}

type counting struct {
	http.ResponseWriter
	set *int
}

func (c counting) SetWriteDeadline(time.Time) error { *c.set++; return nil }

// A node around the sink stops it: what came is not the whole.
func TestResponseStopped(t *testing.T) {
	srv, client := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
		outer := pipeline.NewSink("outer", func(ctx context.Context, in *pipeline.Inlet) error {
			ctx, stop := context.WithCancelCause(ctx)
			time.AfterFunc(20*time.Millisecond, func() { stop(pipeline.ErrStopped) })
			_ = sinks.Response(w).Run(ctx, in)
			return nil
		})
		if _, err := flood.To(outer).Run(r.Context()); err == nil {
			t.Error("the run succeeded")
		}
	})
	if ok, what := outcome(client, srv.URL); ok {
		t.Error(what)
	}
}
