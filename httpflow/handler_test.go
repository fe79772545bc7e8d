package httpflow_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
	"github.com/weirflow/weir/transfer"
)

// handler answers with a source that is run.
func handler(opts httpflow.HandlerOptions, run func(ctx context.Context, out *pipeline.Outlet) error) http.Handler {
	return httpflow.Handler(func(*http.Request) (pipeline.Source, error) { return pipeline.NewSource("source", run), nil }, opts)
}

// A flow with n bytes arrives whole, or visibly not, whether it knows its size or not.
func TestHandler(t *testing.T) {
	for _, protocol := range append(protocols, "1.0") {
		for _, sized := range []bool{true, false} {
			for _, n := range []int{0, 1, 16<<10 - 1, 16 << 10, 16<<10 + 1, 300 << 10} {
				for _, fails := range []int{-1, 0, n / 2, n} { // after so many bytes
					if fails == n/2 && n < 2 {
						continue
					}
					t.Run(fmt.Sprintf("protocol=%s/sized=%v/n=%d/fails=%d", protocol, sized, n, fails), func(t *testing.T) {
						want := random(n)
						seen := make(chan httpflow.Outcome, 1)
						opts := httpflow.HandlerOptions{Options: httpflow.Options{OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen <- o }}}
						h := handler(opts, func(ctx context.Context, out *pipeline.Outlet) error {
							if sized {
								out.SetSize(int64(n))
							}
							b := want
							if fails >= 0 {
								b = want[:fails]
							}
							if err := out.CopyFrom(ctx, bytes.NewReader(b)); err != nil || fails < 0 {
								return err
							}
							return errBroken
						})
						var res *http.Response
						var body []byte
						var err error
						if protocol == "1.0" {
							url, _ := serve(t, "h1", h)
							answer, failed := ask(t, url, "GET / HTTP/1.0\r\n\r\n", func() {})
							if err = failed; answer != "" && err == nil {
								res, err = http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
							} else if err == nil {
								err = io.ErrUnexpectedEOF
							}
						} else {
							url, client := serve(t, protocol, h)
							req, failed := http.NewRequestWithContext(t.Context(), "GET", url, nil)
							if failed != nil {
								t.Fatal(failed)
							}
							res, err = client.Do(req)
						}
						if err == nil {
							body, err = io.ReadAll(res.Body)
							res.Body.Close()
						}
						o := <-seen
						switch {
						case fails < 0:
							length := int64(-1)
							if sized || n == 0 {
								length = int64(n)
							}
							if err != nil || res.StatusCode != 200 || res.ContentLength != length || o.Err != nil || o.Bytes != int64(n) {
								t.Errorf("%v, %v, %+v", err, res, o)
							}
							equal(t, body, want)
						case !errors.Is(o.Err, errBroken) || o.ClientGone:
							t.Errorf("%+v", o)
						case err == nil && (res.StatusCode != 500 || string(body) != "Internal Server Error\n"):
							t.Errorf("the client is content with %s and %d bytes", res.Status, len(body))
						case fails == 0 && (err != nil || res.StatusCode != 500):
							t.Errorf("before the first byte: %v", err)
						}
					})
				}
			}
		}
	}
}

func TestHandlerMethods(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		var called, ran atomic.Int32
		seen := make(chan httpflow.Outcome, 1)
		url, client := serve(t, protocol, httpflow.Handler(func(r *http.Request) (pipeline.Source, error) {
			called.Add(1)
			if r.URL.Path != "/" {
				return pipeline.Source{}, &httpflow.Error{Status: 404}
			}
			return pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
				ran.Add(1)
				return out.CopyFrom(ctx, strings.NewReader("content"))
			}), nil
		}, httpflow.HandlerOptions{
			Options: httpflow.Options{CacheControl: "max-age=60", Attachment: true, OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen <- o }},
			Name:    "a b.txt",
		}))
		const about = "Accept-Ranges:none Cache-Control:max-age=60 Content-Type:text/plain;␣charset=utf-8 X-Content-Type-Options:nosniff" +
			` Content-Disposition:attachment;␣filename="a␣b.txt"`
		for _, test := range []struct {
			rule, method, path string
			header             []string
			want               string
			called, ran        int32
		}{
			{"RFC 9110 §9.3.1", "GET", "", nil, "200 " + about + " =content", 1, 1},
			{"RFC 9110 §9.3.2", "HEAD", "", nil, "200 -Content-Length " + about + " =", 1, 0},
			{"RFC 9110 §9.3.7", "OPTIONS", "", nil, "204 Allow:GET,␣HEAD,␣OPTIONS -Cache-Control =", 0, 0},
			{"RFC 9110 §15.5.6", "POST", "", nil, "405 Allow:GET,␣HEAD,␣OPTIONS -Cache-Control =Method Not Allowed\n", 0, 0},
			{"an error of the function", "GET", "x", nil, "404 -Cache-Control -Content-Disposition =Not Found\n", 1, 0},
			{"an error of the function", "HEAD", "x", nil, "404 =", 1, 0},
			{"RFC 9110 §14.2: a server may ignore it", "GET", "", []string{"Range", "bytes=1-2"}, "200 =content", 1, 1},
			{"nothing can be said about it", "GET", "", []string{"If-None-Match", "*"}, "200 =content", 1, 1},
		} {
			called.Store(0)
			ran.Store(0)
			res := get(t, client, test.method, url+test.path, test.header...)
			if err := matches(res, string(readAll(t, res.Body)), test.want); err != "" {
				t.Errorf("%s: %s /%s: %s", test.rule, test.method, test.path, err)
			}
			if o := <-seen; o.Status != res.StatusCode || o.Err != nil {
				t.Errorf("%s /%s: %+v", test.method, test.path, o)
			}
			if called.Load() != test.called || ran.Load() != test.ran {
				t.Errorf("%s /%s: the function was called %d times, the source run %d times", test.method, test.path, called.Load(), ran.Load())
			}
		}
	})
}

// What a client is answered before the first byte is about the type of the error, wherever it comes from.
func TestHandlerErrors(t *testing.T) {
	for _, test := range []struct {
		err    error
		status int
		text   string
		logged bool
	}{
		{errBroken, 500, "Internal Server Error\n", true},
		{fmt.Errorf("a: %w", fs.ErrNotExist), 404, "Not Found\n", true},
		{fs.ErrPermission, 403, "Forbidden\n", true},
		{&transfer.StatusError{Status: 404}, 502, "Bad Gateway\n", true},
		{&transfer.NetworkError{Err: errBroken}, 502, "Bad Gateway\n", true},
		{&sources.ChangedError{}, 502, "Bad Gateway\n", true},
		{&transfer.TimeoutError{Limit: "total"}, 504, "Gateway Timeout\n", true},
		{&httpflow.Error{Status: 410, Text: "only once"}, 410, "only once\n", false},
		{fmt.Errorf("a: %w", &httpflow.Error{Status: 503}), 503, "Service Unavailable\n", true},
		{&httpflow.Error{}, 500, "Internal Server Error\n", true},
	} {
		for _, late := range []bool{false, true} {
			var seen httpflow.Outcome
			h := httpflow.Handler(func(*http.Request) (pipeline.Source, error) {
				if !late {
					return pipeline.Source{}, test.err
				}
				return pipeline.NewSource("source", func(context.Context, *pipeline.Outlet) error { return test.err }), nil
			}, httpflow.HandlerOptions{Options: httpflow.Options{OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen = o }}})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
			if w.Code != test.status || w.Body.String() != test.text || seen.Status != test.status || errors.Is(seen.Err, test.err) != test.logged ||
				w.Header().Get("Accept-Ranges") != "" {
				t.Errorf("%v, late=%v: %d, %q, %+v", test.err, late, w.Code, w.Body, seen)
			}
		}
	}
}

// The bytes are a coding of something to clients that prefer it, and a file to the others; or they are made
// by a stage for those that prefer it only.
func TestHandlerCoding(t *testing.T) {
	plain := strings.Repeat("weir ", 10_000)
	var coded bytes.Buffer
	zw := gzip.NewWriter(&coded)
	io.WriteString(zw, plain)
	zw.Close()
	url, client := serve(t, "h1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		opts := httpflow.HandlerOptions{Options: httpflow.Options{Attachment: true}, Name: "a.log", Coding: "gzip"}
		content := coded.Bytes()
		if r.URL.Path == "/encode" {
			opts.Encode, content = stages.Gzip(6), []byte(plain)
		}
		httpflow.Handler(func(*http.Request) (pipeline.Source, error) { return sources.Bytes(content), nil }, opts).ServeHTTP(w, r)
	}))
	for _, test := range []struct {
		field string
		want  bool
	}{
		{"", false}, {"gzip", true}, {"gzip, deflate, br", true}, {"br;q=1.0, gzip;q=0.8, *;q=0.1", true}, {"identity", false},
		{"gzip;q=0", false}, {"GZIP", true}, {"x-gzip", true}, {"*", true}, {"*;q=0", false}, {"gzip;q=0, *", false},
		{"*;q=0, gzip", true}, {"gzip;q=x", false}, {"gzip ; q=0.5", true}, {"gzip;q=0.000", false}, {"gzippy", false},
		{"gzip;q=0.5, identity", false}, {"gzip;q=0.5, identity;q=0.5", true}, {"identity;q=0, gzip;q=0.001", true}, {"br", false},
	} {
		for path, want := range map[string]string{
			"": "200 -Content-Encoding Vary:Accept-Encoding Content-Type:application/gzip " +
				`Content-Disposition:attachment;␣filename="a.log.gz" =` + coded.String(),
			"encode": "200 -Content-Encoding Vary:Accept-Encoding Content-Type:text/plain;␣charset=utf-8 " +
				`Content-Disposition:attachment;␣filename="a.log" Content-Length:50000 =` + plain,
		} {
			if test.want {
				want = "200 Content-Encoding:gzip Vary:Accept-Encoding Content-Type:text/plain;␣charset=utf-8 " +
					`Content-Disposition:attachment;␣filename="a.log" =` + plain
			}
			res := get(t, client, "GET", url+path, "Accept-Encoding", test.field)
			body := io.Reader(res.Body)
			if res.Header.Get("Content-Encoding") == "gzip" {
				var err error
				if body, err = gzip.NewReader(body); err != nil {
					t.Fatal(err)
				}
			}
			if err := matches(res, string(readAll(t, body)), want); err != "" {
				t.Errorf("/%s: Accept-Encoding %q: %s", path, test.field, err)
			}
		}
	}
	// Nothing is known about the format, and there is no name.
	w := httptest.NewRecorder()
	httpflow.Handler(func(*http.Request) (pipeline.Source, error) { return sources.Bytes([]byte("x")), nil },
		httpflow.HandlerOptions{Coding: "other"}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	if diff := cmp.Diff(http.Header{"Accept-Ranges": {"none"}, "Content-Length": {"1"}, "Content-Type": {"application/octet-stream"},
		"Vary": {"Accept-Encoding"}, "X-Content-Type-Options": {"nosniff"}}, w.Header()); diff != "" {
		t.Error(diff)
	}
}

// A client that takes nothing is given up after a minute, or what Limits say, and that is its server's doing.
func TestHandlerGivesUpStalledClient(t *testing.T) {
	never := 1000 * time.Hour
	for _, test := range []struct {
		name   string
		limits transfer.Limits
		pace   func(write, n int) time.Duration
		want   time.Duration // 0: it succeeds
	}{
		{"idle", transfer.Limits{}, func(w, _ int) time.Duration {
			if w == 2 {
				return never
			}
			return 0
		}, time.Minute},
		{"slow, but not idle", transfer.Limits{}, func(int, int) time.Duration { return 59 * time.Second }, 0},
		{"below the lowest rate", transfer.Limits{Idle: -1, MinRate: 1 << 10, MinRateWindow: 10 * time.Second},
			func(_, n int) time.Duration { return time.Duration(n) * time.Second / 512 }, 26 * time.Second},
		{"total", transfer.Limits{Total: 30 * time.Second}, func(int, int) time.Duration { return 20 * time.Second }, 30 * time.Second},
	} {
		for _, sized := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/sized=%v", test.name, sized), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var seen httpflow.Outcome
					var cause error
					h := handler(httpflow.HandlerOptions{Options: httpflow.Options{
						Limits: test.limits, OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen = o },
					}}, func(ctx context.Context, out *pipeline.Outlet) error {
						if sized {
							out.SetSize(1 << 20)
						}
						err := out.CopyFrom(ctx, bytes.NewReader(make([]byte, 1<<20)))
						cause = context.Cause(ctx)
						return err
					})
					c := newClient(test.pace)
					start := time.Now()
					h.ServeHTTP(c, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
					took := time.Since(start)
					switch {
					case test.want == 0:
						if seen.Err != nil || seen.Bytes != 1<<20 || c.past {
							t.Errorf("%+v", seen)
						}
					case !isTimeout(seen.Err) || seen.ClientGone || seen.Status != 200 || !c.past || cause == nil:
						t.Errorf("%+v, broken off: %v, the source's context: %v", seen, c.past, cause)
					case took < test.want || took > test.want+time.Second:
						t.Errorf("after %v, want %v", took, test.want)
					}
				})
			})
		}
	}
}

// On the wire: a client that stops reading is cut off, and gets no clean end, over HTTP/1.0 too.
func TestHandlerCutsOffStalledClient(t *testing.T) {
	for _, protocol := range append(protocols, "1.0") {
		t.Run("protocol="+protocol, func(t *testing.T) {
			ended := make(chan httpflow.Outcome, 1)
			h := handler(httpflow.HandlerOptions{Options: httpflow.Options{
				Limits:    transfer.Limits{Idle: 50 * time.Millisecond},
				OnRequest: func(_ *http.Request, o httpflow.Outcome) { ended <- o },
			}}, func(ctx context.Context, out *pipeline.Outlet) error {
				for {
					if err := out.Send(ctx, pipeline.NewChunk(16<<10)); err != nil {
						return err
					}
				}
			})
			var o httpflow.Outcome
			if protocol == "1.0" {
				url, _ := serve(t, "h1", h)
				if answer, err := ask(t, url, "GET / HTTP/1.0\r\n\r\n", func() { o = <-ended }); err == nil {
					t.Errorf("the client got %d bytes and no error", len(answer))
				}
			} else {
				url, client := serve(t, protocol, h)
				res := get(t, client, "GET", url)
				o = <-ended
				if n, err := discard(res); err == nil {
					t.Errorf("the client got %d bytes and no error", n)
				}
			}
			if !isTimeout(o.Err) || o.ClientGone || o.Bytes == 0 {
				t.Errorf("%+v", o)
			}
		})
	}
}

// A time limit that is exceeded before the first byte is an error status, which is not limited any more.
func TestHandlerTotalBeforeTheFirstByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen httpflow.Outcome
		h := handler(httpflow.HandlerOptions{Options: httpflow.Options{
			Limits:    transfer.Limits{Total: 30 * time.Second},
			OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen = o },
		}}, func(ctx context.Context, _ *pipeline.Outlet) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		c := newClient(func(int, int) time.Duration { return time.Second })
		h.ServeHTTP(c, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
		if c.Code != 503 || c.Body.String() != "Service Unavailable\n" || !isTimeout(seen.Err) || seen.Elapsed != 31*time.Second {
			t.Errorf("%d, %q, %+v", c.Code, c.Body, seen)
		}
	})
}

// A client that leaves ends the flow, whatever it waits for, and it is not the server's failure.
func TestHandlerClientLeaves(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		for _, waits := range []string{"for the client", "for its source"} {
			seen := make(chan httpflow.Outcome, 1)
			url, client := serve(t, protocol, handler(httpflow.HandlerOptions{Options: httpflow.Options{
				OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen <- o },
			}}, func(ctx context.Context, out *pipeline.Outlet) error {
				for {
					if err := out.Send(ctx, pipeline.NewChunk(16<<10)); err != nil {
						return err
					}
					if waits == "for its source" {
						<-ctx.Done()
						return context.Cause(ctx)
					}
				}
			}))
			res := get(t, client, "GET", url)
			if _, err := io.CopyN(io.Discard, res.Body, 1000); err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if o := <-seen; o.Err == nil || !o.ClientGone || o.Status != 200 {
				t.Errorf("the flow waits %s: %+v", waits, o)
			}
		}
	})
}

// Every request has a run of its own.
func TestHandlerAtOnce(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		const n = 20
		var here atomic.Int32
		all := make(chan struct{})
		url, client := serve(t, protocol, httpflow.Handler(func(r *http.Request) (pipeline.Source, error) {
			return pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
				if here.Add(1) == n {
					close(all)
				}
				<-all // until all are running
				return out.CopyFrom(ctx, strings.NewReader(strings.Repeat(r.URL.Path, 10_000)))
			}), nil
		}, httpflow.HandlerOptions{}))
		got := make(chan string, n)
		for i := range n {
			go func() {
				res, err := client.Get(fmt.Sprint(url, i))
				if err != nil {
					got <- err.Error()
					return
				}
				defer res.Body.Close()
				b, err := io.ReadAll(res.Body)
				if want := strings.Repeat(fmt.Sprint("/", i), 10_000); err != nil || string(b) != want {
					got <- fmt.Sprintf("/%d: %d bytes, %v", i, len(b), err)
					return
				}
				got <- ""
			}()
		}
		for range n {
			if s := <-got; s != "" {
				t.Error(s)
			}
		}
	})
}
