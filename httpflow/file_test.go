package httpflow_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/stages"
	"github.com/weirflow/weir/transfer"
)

func TestContentArrives(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		dir := t.TempDir()
		url, client := serve(t, protocol, httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{}))
		// Around the chunk's size, and the size of what is kept back for the last step.
		for _, size := range []int{0, 1, 511, 512, 513, 16<<10 - 1, 16 << 10, 16<<10 + 1, 32<<10 + 1, 1<<20 + 7} {
			name := fmt.Sprintf("f%d.mp3", size)
			want := random(size)
			file := write(t, dir, name, want)

			res := get(t, client, "GET", url+name)
			if res.StatusCode != 200 || res.ContentLength != int64(size) {
				t.Errorf("%s: %s, Content-Length %d", name, res.Status, res.ContentLength)
			}
			equal(t, readAll(t, res.Body), want)

			head := get(t, client, "HEAD", url+name)
			for _, h := range []http.Header{res.Header, head.Header} {
				h.Del("Date")
			}
			if diff := cmp.Diff(res.Header, head.Header); diff != "" || head.ContentLength != int64(size) {
				t.Errorf("%s: HEAD differs from GET: Content-Length %d, %s", name, head.ContentLength, diff)
			}

			for _, r := range [][2]int{{0, 0}, {0, size - 1}, {size - 1, size - 1}, {size / 3, size/3 + 16<<10}, {size / 2, size - 1}} {
				if r[0] < 0 || r[0] >= size {
					continue
				}
				last := min(r[1], size-1)
				res := get(t, client, "GET", url+name, "Range", fmt.Sprintf("bytes=%d-%d", r[0], r[1]))
				if want := fmt.Sprintf("bytes %d-%d/%d", r[0], last, size); res.StatusCode != 206 ||
					res.Header.Get("Content-Range") != want || res.ContentLength != int64(last-r[0]+1) {
					t.Errorf("%s: %v: %s, Content-Range %q, Content-Length %d",
						name, r, res.Status, res.Header.Get("Content-Range"), res.ContentLength)
				}
				equal(t, readAll(t, res.Body), want[r[0]:last+1])
			}

			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(http.Header{
				"Accept-Ranges":          {"bytes"},
				"Content-Length":         {strconv.Itoa(size)},
				"Content-Type":           {"audio/mpeg"},
				"Etag":                   {res.Header.Get("Etag")},
				"Last-Modified":          {info.ModTime().UTC().Format(http.TimeFormat)},
				"X-Content-Type-Options": {"nosniff"},
			}, res.Header); diff != "" {
				t.Error(diff)
			}
		}
	})
}

func TestAnswersWithoutContent(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		dir := t.TempDir()
		write(t, dir, "a.txt", []byte("0123456789"))
		url, client := serve(t, protocol, httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{
			Options: httpflow.Options{CacheControl: "no-cache"},
		}))
		etag := get(t, client, "GET", url+"a.txt").Header.Get("Etag")
		for _, test := range []struct {
			method, path string
			header       []string
			want         string // status, some header fields, body
		}{
			{"GET", "a.txt", nil, "200 cache=no-cache body=0123456789"},
			{"HEAD", "a.txt", nil, "200 cache=no-cache body="},
			{"GET", "a.txt", []string{"Range", "bytes=2-3"}, "206 cache=no-cache body=23"},
			{"GET", "a.txt", []string{"If-None-Match", etag}, "304 cache=no-cache body="},
			{"GET", "a.txt", []string{"If-Match", `"x"`}, "412 cache= body=Precondition Failed\n"},
			{"GET", "a.txt", []string{"Range", "bytes=10-"}, "416 cache= body=Requested Range Not Satisfiable\n"},
			{"HEAD", "b.txt", nil, "404 cache= body="},
			{"GET", "b.txt", nil, "404 cache= body=Not Found\n"},
			{"OPTIONS", "a.txt", nil, "204 cache= body="},
			{"POST", "a.txt", nil, "405 cache= body=Method Not Allowed\n"},
			{"DELETE", "b.txt", nil, "405 cache= body=Method Not Allowed\n"},
		} {
			res := get(t, client, test.method, url+test.path, test.header...)
			got := fmt.Sprintf("%d cache=%s body=%s", res.StatusCode, res.Header.Get("Cache-Control"), readAll(t, res.Body))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s %s %v: %s", test.method, test.path, test.header, diff)
			}
		}
	})
}

// The file is cut while it is being sent: no client may believe that it has all of it.
func TestShrinkingFileIsBrokenOff(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		for _, size := range []int64{300 << 10, 8 << 20} {
			name := write(t, t.TempDir(), "f", make([]byte, size))
			var seen flows
			url, client := serve(t, protocol, httpflow.File(name, httpflow.Options{
				Via:    after(100<<10, func() error { return os.Truncate(name, 200<<10) }),
				OnFlow: seen.on,
			}))
			res := get(t, client, "GET", url)
			n, err := io.Copy(io.Discard, res.Body)
			if err == nil {
				t.Errorf("size %d: the client got %d bytes and no error", size, n)
			}
			if e := seen.next(t); !errors.Is(e.err, io.ErrUnexpectedEOF) {
				t.Errorf("size %d: the flow ended with %v", size, e.err)
			}
		}
	})
}

func TestGrowingFileStopsAtThePromise(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		want := random(1 << 20)
		name := write(t, t.TempDir(), "f", want)
		url, client := serve(t, protocol, httpflow.File(name, httpflow.Options{
			Via: after(100<<10, func() error {
				f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					return err
				}
				defer f.Close()
				_, err = f.Write(random(1 << 20))
				return err
			}),
		}))
		res := get(t, client, "GET", url)
		equal(t, readAll(t, res.Body), want)
	})
}

var errBroken = errors.New("broken on purpose")

func TestFailureBeforeTheFirstByte(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		name := write(t, t.TempDir(), "f.mp3", make([]byte, 1<<20))
		var seen flows
		url, client := serve(t, protocol, httpflow.File(name, httpflow.Options{
			Via: after(0, func() error { return errBroken }), OnFlow: seen.on, CacheControl: "immutable",
		}))
		res := get(t, client, "GET", url, "Range", "bytes=5-")
		body := string(readAll(t, res.Body))
		res.Header.Del("Date")
		if diff := cmp.Diff(http.Header{
			"Content-Length":         {"22"},
			"Content-Type":           {"text/plain; charset=utf-8"},
			"X-Content-Type-Options": {"nosniff"},
		}, res.Header); diff != "" || res.StatusCode != 500 || body != "Internal Server Error\n" {
			t.Errorf("%s, %q, %s", res.Status, body, diff)
		}
		if e := seen.next(t); !errors.Is(e.err, errBroken) {
			t.Errorf("the flow ended with %v", e.err)
		}
	})
}

func TestFailureOnTheWay(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		name := write(t, t.TempDir(), "f", make([]byte, 1<<20))
		for _, at := range []int64{20 << 10, 500 << 10, 1<<20 - 1} {
			url, client := serve(t, protocol, httpflow.File(name, httpflow.Options{
				Via: after(at, func() error { return errBroken }),
			}))
			req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := client.Do(req) // may fail already: the buffers' content is dropped
			if err != nil {
				continue
			}
			// If the failure was faster than the first chunk, it is an error status.
			if n, err := io.Copy(io.Discard, res.Body); err == nil && res.StatusCode != 500 {
				t.Errorf("at %d: the client got %s and %d bytes, and no error", at, res.Status, n)
			}
			res.Body.Close()
		}
	})
}

// A ResponseWriter that cannot be interrupted leaves one way to break off.
func TestFailureWithoutDeadlines(t *testing.T) {
	name := write(t, t.TempDir(), "f", make([]byte, 1<<20))
	h := httpflow.File(name, httpflow.Options{Via: after(500<<10, func() error { return errBroken })})
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("the handler panicked with %v, want %v", v, http.ErrAbortHandler)
		}
	}()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

func TestClientLeaves(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		name := write(t, t.TempDir(), "f", nil)
		if err := os.Truncate(name, 1<<30); err != nil {
			t.Fatal(err)
		}
		var seen flows
		h := httpflow.File(name, httpflow.Options{OnFlow: seen.on, Limits: transfer.Limits{Idle: -1}}) // nothing but its leaving ends it
		returned := make(chan struct{}, 1)
		url, client := serve(t, protocol, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() { returned <- struct{}{} }()
			h.ServeHTTP(w, r)
		}))
		for _, read := range []int64{0, 1, 1 << 20} {
			res := get(t, client, "GET", url)
			if _, err := io.CopyN(io.Discard, res.Body, read); err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			e := seen.next(t)
			<-returned
			if e.err == nil {
				t.Error("the flow succeeded")
			}
			if open := filesOpen(t, name); open > 0 {
				t.Errorf("the file is still open %d times", open)
			}
			for _, edge := range e.report.Channels {
				if edge.Peak > 64<<10 {
					t.Errorf("a channel held %d bytes", edge.Peak)
				}
			}
		}
	})
}

// filesOpen counts the descriptors of this process that lead to name, on Linux.
func filesOpen(t *testing.T, name string) (n int) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Log("SKIPPED: cannot see open files here")
		return 0
	}
	for _, fd := range fds {
		if to, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); err == nil && to == name {
			n++
		}
	}
	return n
}

func TestTagChangesWithTheFile(t *testing.T) {
	dir := t.TempDir()
	name := write(t, dir, "f", []byte("one"))
	url, client := serve(t, "h1", httpflow.File(name, httpflow.Options{}))
	seen := map[string]string{}
	look := func(what string) {
		t.Helper()
		tag := get(t, client, "GET", url).Header.Get("Etag")
		if !strings.HasPrefix(tag, `"`) {
			t.Errorf("%s: %s is not a strong tag", what, tag)
		}
		if before, ok := seen[tag]; ok {
			t.Errorf("%s has the same tag as %s", what, before)
		}
		seen[tag] = what
	}
	look("the file")
	at := time.Now().Add(-time.Hour)
	os.Chtimes(name, at, at)
	look("the file an hour ago")
	os.Chtimes(name, at, at.Add(time.Microsecond))
	look("the file a microsecond later")
	os.WriteFile(name, []byte("four"), 0o644)
	os.Chtimes(name, at, at)
	look("a longer file of the same time")
	other := write(t, dir, "other", []byte("FOUR"))
	os.Chtimes(other, at, at)
	if err := os.Rename(other, name); err != nil {
		t.Fatal(err)
	}
	look("another file of the same length and time")
}

func TestSingleFilePaths(t *testing.T) {
	dir := t.TempDir()
	name := write(t, dir, "tune 1.mp3", []byte("x"))
	for _, h := range []struct {
		name    string
		handler http.Handler
	}{{"file", httpflow.File(name, httpflow.Options{})}, {"bytes", httpflow.Bytes("tune 1.mp3", []byte("x"), httpflow.Options{})}} {
		url, client := serve(t, "h1", h.handler)
		for path, want := range map[string]int{
			"": 200, "tune%201.mp3": 200, "tune%201.mp3/": 404, "other": 404, "/": 404, "%2e%2e": 404,
		} {
			res := get(t, client, "GET", url+path)
			if res.StatusCode != want {
				t.Errorf("%s: /%s: %s, want %d", h.name, path, res.Status, want)
			}
			if want == 200 && res.Header.Get("Content-Type") != "audio/mpeg" {
				t.Errorf("%s: /%s: Content-Type: %s", h.name, path, res.Header.Get("Content-Type"))
			}
		}
		if res := get(t, client, "PUT", url+"other"); res.StatusCode != 405 {
			t.Errorf("%s: PUT: %s", h.name, res.Status)
		}
	}
}

func TestSingleFileIsOpenedPerRequest(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	url, client := serve(t, "h1", httpflow.File(name, httpflow.Options{}))
	if res := get(t, client, "GET", url); res.StatusCode != 404 {
		t.Errorf("before the file exists: %s", res.Status)
	}
	for _, want := range []string{"one", "three"} {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, get(t, client, "GET", url).Body); string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		want := random(1<<20 + 1)
		url, client := serve(t, protocol, httpflow.Bytes("a.bin", want, httpflow.Options{CacheControl: "no-cache"}))
		res := get(t, client, "GET", url)
		equal(t, readAll(t, res.Body), want)
		res = get(t, client, "GET", url, "Range", "bytes=-300001", "If-Range", res.Header.Get("Etag"))
		equal(t, readAll(t, res.Body), want[len(want)-300001:])
		if res.Header.Get("Last-Modified") != "" || res.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("header: %v", res.Header)
		}
		if res := get(t, client, "GET", url+"a.bin", "If-None-Match", res.Header.Get("Etag")); res.StatusCode != 304 {
			t.Errorf("If-None-Match: %s", res.Status)
		}
	})
}

func TestTypeIsSniffed(t *testing.T) {
	dir := t.TempDir()
	url, client := serve(t, "h1", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{}))
	for _, test := range []struct{ name, content, want string }{
		{"a.MP3", "", "audio/mpeg"},
		{"a.wasm", "<html>", "application/wasm"},
		{"plain", "hello", "text/plain; charset=utf-8"},
		{"page", "<!DOCTYPE html>" + strings.Repeat(" ", 1000), "text/html; charset=utf-8"},
		{"picture.unknown", "\x89PNG\x0d\x0a\x1a\x0a", "image/png"},
		{"empty", "", "text/plain; charset=utf-8"},
	} {
		write(t, dir, test.name, []byte(test.content))
		for _, header := range [][]string{nil, {"Range", "bytes=-1"}} { // by the beginning, not by what is sent
			res := get(t, client, "GET", url+test.name, header...)
			if got := res.Header.Get("Content-Type"); got != test.want {
				t.Errorf("%s: %s, want %s", test.name, got, test.want)
			}
		}
	}
}

// A stage that drops bytes cannot make a short file look like a whole one.
func TestViaMustKeepTheLength(t *testing.T) {
	name := write(t, t.TempDir(), "f", make([]byte, 1<<20))
	var seen flows
	url, client := serve(t, "h1", httpflow.File(name, httpflow.Options{Via: stages.Take(500 << 10), OnFlow: seen.on}))
	if res := get(t, client, "GET", url); res.StatusCode != 500 {
		t.Errorf("%s, want 500", res.Status)
	}
	if e := seen.next(t); e.err == nil {
		t.Error("the flow succeeded")
	}
}
