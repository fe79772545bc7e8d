package httpflow_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
)

// ask sends a request of HTTP/1.0 and calls wait before it reads what comes back.
func ask(t *testing.T, url, request string, wait func()) (answer string, err error) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	wait()
	b, err := io.ReadAll(conn)
	return string(b), err
}

// RFC 9112 §6.3: a client of HTTP/1.0 that has not read yet when a flow without a size fails must not
// take what it then reads for all.
func TestResettable(t *testing.T) {
	boom := errors.New("boom")
	for _, fails := range []string{"while the sink waits for the client", "when all was sent", "by a panic"} {
		t.Run(fails, func(t *testing.T) {
			over := make(chan struct{})
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(over)
				if fails == "by a panic" {
					io.WriteString(w, "some")
					panic(http.ErrAbortHandler)
				}
				src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
					size := 1000
					if strings.HasPrefix(fails, "while") {
						size = 32 << 20 // more than the system holds
					}
					for range size / 1000 {
						sub, cancel := context.WithTimeout(ctx, time.Second)
						err := out.Send(sub, pipeline.NewChunk(1000))
						cancel()
						if err != nil {
							return boom
						}
					}
					return boom
				})
				if _, err := src.To(sinks.Response(w)).Run(r.Context()); !errors.Is(err, boom) {
					t.Errorf("got %v", err)
				}
				http.Error(w, "no luck", 500)
			})
			url, _ := serve(t, "h1", httpflow.Resettable(h))
			answer, err := ask(t, url, "GET / HTTP/1.0\r\n\r\n", func() { <-over })
			if err == nil && answer != "" && !strings.HasPrefix(answer, "HTTP/1.0 500") {
				t.Errorf("the client is content with %d bytes", len(answer))
			}
		})
	}
}

// What does not fail is as it was.
func TestResettableComplete(t *testing.T) {
	content := strings.Repeat("weir ", 10_000)
	handlers := map[string]http.HandlerFunc{
		"stream": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Test", "yes")
			if _, err := unsized(content).To(sinks.Response(w)).Run(r.Context()); err != nil {
				t.Error(err)
			}
		},
		"length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Test", "yes")
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			io.WriteString(w, content)
		},
		"flushed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Test", "yes")
			w.WriteHeader(200)
			for i := 0; i < len(content); i += 5000 {
				io.WriteString(w, content[i:i+5000])
				http.NewResponseController(w).Flush()
			}
		},
	}
	for name, h := range handlers {
		url, client := serve(t, "h1", h)
		for _, request := range []string{"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"} {
			if strings.Contains(request, "keep-alive") && name == "length" {
				continue // which would be kept
			}
			answer, err := ask(t, url, request, func() {})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
			if err != nil {
				t.Fatalf("%s: %v: %.200q", name, err, answer)
			}
			body, err := io.ReadAll(resp.Body)
			h := resp.Header
			if err != nil || string(body) != content || resp.StatusCode != 200 || h.Get("X-Test") != "yes" || h.Get("Date") == "" ||
				h.Get("Content-Type") != "text/plain; charset=utf-8" || !strings.HasPrefix(answer, "HTTP/1.0 200 OK\r\n") || h.Get("Transfer-Encoding") != "" {
				t.Errorf("%s: %d bytes, %v: %.300q", name, len(body), err, answer)
			}
		}
		resp := get(t, client, "GET", url)
		if body, err := io.ReadAll(resp.Body); string(body) != content || err != nil || resp.ProtoMinor != 1 {
			t.Errorf("%s: HTTP/1.1: %d bytes, %v", name, len(body), err)
		}
	}
	url, _ := serve(t, "h1", httpflow.Resettable(http.NotFoundHandler()))
	if answer, err := ask(t, url, "GET / HTTP/1.0\r\n\r\n", func() {}); err != nil || !strings.HasPrefix(answer, "HTTP/1.0 404 Not Found\r\n") || !strings.HasSuffix(answer, "\r\n\r\n404 page not found\n") {
		t.Errorf("%q %v", answer, err)
	}
}

// unsized emits s without a promise.
func unsized(s string) pipeline.Source {
	return pipeline.NewSource("unsized", func(ctx context.Context, out *pipeline.Outlet) error {
		return out.CopyFrom(ctx, strings.NewReader(s))
	})
}
