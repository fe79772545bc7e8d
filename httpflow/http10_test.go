package httpflow_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/pipeline"
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
func TestHTTP10SeesFailures(t *testing.T) {
	for _, fails := range []string{"while the sink waits for the client", "when all was sent", "by a panic", "by a panic of the log"} {
		t.Run(fails, func(t *testing.T) {
			over := make(chan httpflow.Outcome, 1)
			opts := httpflow.Options{OnRequest: func(_ *http.Request, o httpflow.Outcome) { over <- o }}
			if fails == "by a panic of the log" {
				opts.OnFlow = func(*http.Request, pipeline.Report, error) { panic(http.ErrAbortHandler) }
			}
			url, _ := serve(t, "h1", handler(httpflow.HandlerOptions{Options: opts}, func(ctx context.Context, out *pipeline.Outlet) error {
				size := 1000
				if strings.HasPrefix(fails, "while") {
					size = 32 << 20 // more than the system holds
				}
				for range size / 1000 {
					sub, cancel := context.WithTimeout(ctx, time.Second)
					err := out.Send(sub, pipeline.NewChunk(1000))
					cancel()
					if err != nil {
						return errBroken
					}
				}
				switch fails {
				case "by a panic":
					panic(errBroken)
				case "by a panic of the log":
					return nil
				}
				return errBroken
			}))
			var o httpflow.Outcome
			answer, err := ask(t, url, "GET / HTTP/1.0\r\n\r\n", func() { o = <-over })
			if err == nil && answer != "" && !strings.HasPrefix(answer, "HTTP/1.0 500") {
				t.Errorf("the client is content with %d bytes", len(answer))
			}
			if !strings.HasPrefix(fails, "by") && (!errors.Is(o.Err, errBroken) || o.ClientGone) {
				t.Errorf("%+v", o)
			}
		})
	}
}

// The same for a client that nobody here wrote, with its protocols.
func TestFailureOfAFlowSeenByCurl(t *testing.T) {
	needCurl(t)
	for _, flags := range []string{"--http1.1", "--http1.0", "--http2-prior-knowledge", "--http1.1 tls", "--http1.0 --no-alpn tls", "--http2 tls"} {
		flag, overTLS := strings.CutSuffix(flags, " tls")
		protocol := "h2c"
		if overTLS {
			protocol = "h2"
		}
		for _, sized := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/sized=%v", flags, sized), func(t *testing.T) {
				url, _ := serve(t, protocol, httpflow.Handler(func(r *http.Request) (pipeline.Source, error) {
					n, err := strconv.Atoi(r.FormValue("n"))
					if err != nil {
						return pipeline.Source{}, err
					}
					return pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
						if sized {
							out.SetSize(int64(n))
						}
						if err := out.CopyFrom(ctx, strings.NewReader(strings.Repeat("x", n))); err != nil {
							return err
						}
						if r.FormValue("fine") == "" {
							return errBroken
						}
						return nil
					}), nil
				}, httpflow.HandlerOptions{}))
				run := func(query string) ([]byte, error) {
					return exec.CommandContext(t.Context(), "curl", append(strings.Fields(flag), "-sSfk", "--noproxy", "*", "--max-time", "20",
						url+"?"+query, "-o", "/dev/null", "-w", "%{http_code} %{size_download}")...).CombinedOutput()
				}
				for _, n := range []int{0, 100, 64 << 10, 1 << 20} {
					if out, err := run(fmt.Sprint("n=", n)); err == nil {
						t.Errorf("%d bytes, then a failure; curl is content: %s", n, out)
					}
				}
				if out, err := run("fine=1&n=100000"); err != nil || string(out) != "200 100000" {
					t.Errorf("curl complains about a complete response: %v: %s", err, out)
				}
			})
		}
	}
}

// What does not fail is as it should be: with a length, without one, and in pieces that are flushed.
func TestHTTP10Complete(t *testing.T) {
	content := strings.Repeat("weir ", 10_000)
	for name, source := range map[string]func(ctx context.Context, out *pipeline.Outlet) error{
		"stream": func(ctx context.Context, out *pipeline.Outlet) error {
			return out.CopyFrom(ctx, strings.NewReader(content))
		},
		"length": func(ctx context.Context, out *pipeline.Outlet) error {
			out.SetSize(int64(len(content)))
			return out.CopyFrom(ctx, strings.NewReader(content))
		},
		"pieces": func(ctx context.Context, out *pipeline.Outlet) error {
			w := out.Writer(ctx)
			for i := 0; i < len(content); i += 5000 {
				if _, err := io.WriteString(w, content[i:i+5000]); err != nil {
					return err
				}
				if err := w.Flush(); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		seen := make(chan httpflow.Outcome, 1)
		opts := httpflow.HandlerOptions{Options: httpflow.Options{
			CacheControl: "no-store", OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen <- o },
		}}
		url, client := serve(t, "h1", handler(opts, source))
		check := func(request string, resp *http.Response) {
			t.Helper()
			body, err := io.ReadAll(resp.Body)
			h := resp.Header
			if err != nil || string(body) != content || resp.StatusCode != 200 || h.Get("Cache-Control") != "no-store" || h.Get("Date") == "" ||
				h.Get("Content-Type") != "text/plain; charset=utf-8" || h.Get("Transfer-Encoding") != "" {
				t.Errorf("%s: %s: %d bytes, %v, %v", name, request, len(body), err, h)
			}
			if o := <-seen; o.Err != nil || o.Status != 200 || o.Bytes != int64(len(content)) {
				t.Errorf("%s: %s: %+v", name, request, o)
			}
		}
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
			if !strings.HasPrefix(answer, "HTTP/1.0 200 OK\r\n") {
				t.Errorf("%s: %.100q", name, answer)
			}
			check(request, resp)
		}
		resp := get(t, client, "GET", url)
		if resp.ProtoMinor != 1 {
			t.Errorf("%s: %s", name, resp.Proto)
		}
		check("HTTP/1.1", resp)
	}
}

func TestHTTP10Refused(t *testing.T) {
	url, _ := serve(t, "h1", httpflow.Handler(func(*http.Request) (pipeline.Source, error) {
		return pipeline.Source{}, &httpflow.Error{Status: 404, Text: "no such flow"}
	}, httpflow.HandlerOptions{}))
	for request, want := range map[string][2]string{
		"GET / HTTP/1.0\r\n\r\n":     {"HTTP/1.0 404 Not Found\r\n", "\r\n\r\nno such flow\n"},
		"HEAD / HTTP/1.0\r\n\r\n":    {"HTTP/1.0 404 Not Found\r\n", "\r\n\r\n"},
		"OPTIONS / HTTP/1.0\r\n\r\n": {"HTTP/1.0 204 No Content\r\n", "\r\n\r\n"},
		"DELETE / HTTP/1.0\r\n\r\n":  {"HTTP/1.0 405 Method Not Allowed\r\n", "\r\n\r\nMethod Not Allowed\n"},
	} {
		if answer, err := ask(t, url, request, func() {}); err != nil || !strings.HasPrefix(answer, want[0]) || !strings.HasSuffix(answer, want[1]) {
			t.Errorf("%q: %q %v", request, answer, err)
		}
	}
}
