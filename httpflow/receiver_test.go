package httpflow_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/weirflow/weir/httpflow"
)

func sha256Field(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

func sha512Field(b []byte) string {
	sum := sha512.Sum512(b)
	return "sha-512=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

func TestPut(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		dir := t.TempDir()
		root := openRoot(t, dir)
		seen := make(outcomes, 1)
		mux := http.NewServeMux()
		mux.Handle("/up/", http.StripPrefix("/up", httpflow.Receiver(root, httpflow.ReceiverOptions{OnRequest: seen.on})))
		mux.Handle("/", httpflow.FileServer(root, httpflow.FileServerOptions{}))
		url, client := serve(t, protocol, mux)
		if err := os.Mkdir(filepath.Join(dir, "dir"), 0o755); err != nil {
			t.Fatal(err)
		}
		for i, n := range []int{0, 1, 16<<10 + 1, 3<<20 + 5} {
			body := random(n)
			for _, chunked := range []bool{false, true} {
				var r io.Reader = bytes.NewReader(body)
				if chunked {
					r = io.MultiReader(r)
				}
				res := do(t, client, "PUT", url+"up/dir/a%20b.bin", r)
				want := 204
				if i == 0 && !chunked {
					want = 201
				}
				wantStatus(t, res, want)
				if o := seen.next(t); o.Status != want || o.Bytes != int64(n) || o.Err != nil {
					t.Errorf("outcome %+v", o)
				}
				if got := res.Header.Get("Repr-Digest"); got != sha256Field(body) {
					t.Errorf("Repr-Digest: %s", got)
				}
				wantFiles(t, dir, map[string]string{"dir/": "", "dir/a b.bin": string(body)})
				// The same validator when it is served, and by HEAD.
				served := get(t, client, "GET", url+"dir/a%20b.bin")
				head := get(t, client, "HEAD", url+"up/dir/a%20b.bin")
				<-seen
				tag := res.Header.Get("Etag")
				if tag == "" || served.Header.Get("Etag") != tag || head.Header.Get("Etag") != tag || head.ContentLength != int64(n) {
					t.Errorf("ETags %q, %q served, %q by HEAD, which has length %d", tag, served.Header.Get("Etag"),
						head.Header.Get("Etag"), head.ContentLength)
				}
				if _, err := discard(served); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func TestPutRefusals(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		top := t.TempDir()
		dir := filepath.Join(top, "root")
		write(t, top, "outside.txt", []byte("outside"))
		write(t, dir, "old.txt", []byte("old"))
		write(t, dir, "dir/x", nil)
		if runtime.GOOS != "windows" {
			symlink(t, "../outside.txt", filepath.Join(dir, "leaves"))
			symlink(t, "../new.txt", filepath.Join(dir, "leaves-too"))
			symlink(t, "..", filepath.Join(dir, "up"))
			symlink(t, "circle", filepath.Join(dir, "circle"))
		}
		before := files(t, top)
		url, client := serve(t, protocol, httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{MaxSize: 100}))
		for _, test := range []struct {
			method, path string
			want         int
			header       []string
		}{
			{"PUT", "%2e%2e/x", 404, nil},
			{"PUT", "dir/%2e%2e%2fx", 404, nil},
			{"PUT", "a%00b", 404, nil},
			{"PUT", "a%5cb", 404, nil},
			{"PUT", ".hidden", 404, nil},
			{"PUT", ".git/config", 404, nil},
			{"PUT", "dir//x", 404, nil},
			{"PUT", "", 409, nil},
			{"PUT", "dir", 409, nil}, // a folder
			{"PUT", "dir/", 409, nil},
			{"PUT", "none/x", 409, nil},    // RFC 4918 §9.7.1
			{"PUT", "old.txt/x", 409, nil}, // a file is no folder
			{"PUT", "x", 400, []string{"Content-Range", "bytes 0-2/3"}},
			{"PUT", "x", 415, []string{"Content-Encoding", "gzip"}},
			{"PUT", "x", 400, []string{"Repr-Digest", sha256Field([]byte("other"))}},
			{"PUT", "x", 400, []string{"Content-Digest", sha512Field([]byte("other"))}},
			{"PUT", "x", 400, []string{"Repr-Digest", "sha-256=:AAAA:"}},
			{"PUT", "x", 400, []string{"Repr-Digest", "sha-256=:" + strings.Repeat("?", 44) + ":"}},
			{"PUT", "old.txt", 412, []string{"If-None-Match", "*"}},
			{"PUT", "old.txt", 412, []string{"If-Match", `"other"`}},
			{"PUT", "x", 412, []string{"If-Match", "*"}},
			{"PUT", "dir", 409, []string{"If-None-Match", "*"}}, // conditions come last: RFC 9110 §13.2.1
			{"GET", "old.txt", 405, nil},
			{"DELETE", "old.txt", 405, nil},
			{"PATCH", "old.txt", 405, nil},
			{"PUT", "old.txt?upload=x", 405, nil},
			{"HEAD", "dir", 404, nil},
			{"HEAD", "none", 404, nil},
			{"OPTIONS", "old.txt", 204, nil},
		} {
			res := do(t, client, test.method, url+test.path, strings.NewReader("new"), test.header...)
			wantStatus(t, res, test.want)
			if allow := res.Header.Get("Allow"); test.want == 405 && allow == "" {
				t.Errorf("%s %s: no Allow", test.method, test.path)
			}
		}
		if runtime.GOOS != "windows" {
			for _, path := range []string{"leaves", "leaves-too", "up/x", "up/outside.txt", "circle"} {
				wantStatus(t, do(t, client, "PUT", url+path, strings.NewReader("new")), 404)
			}
		}
		wantFiles(t, top, before)
	})
}

func TestPutDigests(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		dir := t.TempDir()
		url, client := serve(t, protocol, httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{}))
		body := random(100_000)
		for _, field := range []string{"Repr-Digest", "Content-Digest"} {
			for _, value := range []string{
				sha256Field(body), sha512Field(body), "md5=:AAAA:, " + sha512Field(body), "id-sha-256=1",
				sha256Field([]byte("other")) + "," + sha256Field(body), // the last one of a name counts
			} {
				wantOneOf(t, do(t, client, "PUT", url+"header", bytes.NewReader(body), field, value), 201, 204)
			}
			for _, test := range []struct {
				value string
				good  bool
			}{
				{sha256Field(body), true},
				{sha512Field(body), true},
				{sha256Field(body[1:]), false},
				{sha512Field(body[1:]), false},
			} {
				name := "bad"
				if test.good {
					name = "trailer"
				}
				req, err := http.NewRequestWithContext(t.Context(), "PUT", url+name, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Trailer = http.Header{field: nil}
				req.ContentLength = -1
				req.Body = io.NopCloser(trailed{bytes.NewReader(body), func() { req.Trailer.Set(field, test.value) }})
				res, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				readAll(t, res.Body)
				if test.good {
					wantOneOf(t, res, 201, 204)
				} else {
					wantStatus(t, res, 400)
				}
			}
		}
		wantFiles(t, dir, map[string]string{"header": string(body), "trailer": string(body)})
	})
}

func wantOneOf(t *testing.T, res *http.Response, a, b int) {
	t.Helper()
	if res.StatusCode != a && res.StatusCode != b {
		t.Errorf("%s %s: %s, want %d or %d", res.Request.Method, res.Request.URL, res.Status, a, b)
	}
}

func TestPutConditions(t *testing.T) {
	dir := t.TempDir()
	url, client := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{}))
	url += "a"
	put := func(body string, header ...string) *http.Response {
		return do(t, client, "PUT", url, strings.NewReader(body), header...)
	}
	first := put("one", "If-None-Match", "*")
	wantStatus(t, first, 201)
	wantStatus(t, put("two", "If-None-Match", "*"), 412)
	tag := first.Header.Get("Etag")
	wantStatus(t, put("two", "If-None-Match", tag), 412)
	wantStatus(t, put("two", "If-Match", "W/"+tag), 412) // strong comparison: RFC 9110 §13.1.1
	wantStatus(t, put("two", "If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT"), 412)
	wantFiles(t, dir, map[string]string{"a": "one"})
	wantStatus(t, put("two", "If-Match", tag), 204)
	wantStatus(t, put("three", "If-Match", tag), 412)
	wantFiles(t, dir, map[string]string{"a": "two"})
}

func TestPutNoClobber(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a", []byte("old"))
	url, client := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{NoClobber: true}))
	wantStatus(t, do(t, client, "PUT", url+"a", strings.NewReader("new")), 412)
	wantStatus(t, do(t, client, "PUT", url+"b", strings.NewReader("new")), 201)
	wantFiles(t, dir, map[string]string{"a": "old", "b": "new"})
}

// The condition is looked at when the request begins, and again when all of it has come.
func TestPutConditionFailsInTheEnd(t *testing.T) {
	for _, header := range []string{"If-Match", "If-None-Match", "none"} {
		dir := t.TempDir()
		url, client := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{}))
		var fields []string
		switch header {
		case "If-Match":
			res := do(t, client, "PUT", url+"a", strings.NewReader("old"))
			fields = []string{header, res.Header.Get("Etag")}
		case "If-None-Match":
			fields = []string{header, "*"}
		}
		conn, r := dial(t, url)
		io.WriteString(conn, head("PUT /a", append(fields, "Content-Length", "6", "Expect", "100-continue")...))
		if res := answerTo(t, r, "PUT"); res.StatusCode != 100 { // it has passed the first look
			t.Fatal(res.Status)
		}
		wantOneOf(t, do(t, client, "PUT", url+"a", strings.NewReader("between")), 201, 204)
		io.WriteString(conn, "behind")
		res := answerTo(t, r, "PUT")
		if header == "none" {
			if wantFiles(t, dir, map[string]string{"a": "behind"}); res.StatusCode != 204 {
				t.Errorf("%s: %s", header, res.Status)
			}
			continue
		}
		if wantFiles(t, dir, map[string]string{"a": "between"}); res.StatusCode != 412 {
			t.Errorf("%s: %s", header, res.Status)
		}
	}
}

// Of many that want to replace the same version, one does.
func TestPutIsCompareAndSwap(t *testing.T) {
	dir := t.TempDir()
	url, client := serve(t, "h2c", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{}))
	for range 20 {
		tag := do(t, client, "PUT", url+"a", strings.NewReader("old")).Header.Get("Etag")
		var mu sync.Mutex
		statuses := map[int]int{}
		tags := map[string]bool{}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				res := do(t, client, "PUT", url+"a", strings.NewReader("new"), "If-Match", tag)
				mu.Lock()
				defer mu.Unlock()
				statuses[res.StatusCode]++
				tags[res.Header.Get("Etag")] = true
			})
		}
		wg.Wait()
		if statuses[204] != 1 || statuses[412] != 19 || len(tags) != 2 {
			t.Fatalf("statuses %v, tags %v", statuses, tags)
		}
	}
}

func TestPutTooLarge(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		dir := t.TempDir()
		url, client := serve(t, protocol, httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{MaxSize: 100_000}))
		wantStatus(t, do(t, client, "PUT", url+"fits", bytes.NewReader(random(100_000))), 201)
		wantStatus(t, do(t, client, "PUT", url+"fits", io.MultiReader(bytes.NewReader(random(100_000)))), 204)
		wantStatus(t, do(t, client, "PUT", url+"long", bytes.NewReader(random(100_001))), 413)
		wantStatus(t, do(t, client, "PUT", url+"long", io.MultiReader(bytes.NewReader(random(100_001)))), 413)
		wantFiles(t, dir, map[string]string{"fits": string(random(100_000))})
	})
}

// Who expects a 100 does not get it for what is refused.
func TestPutRefusedBeforeContinue(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "old", []byte("old"))
	url, _ := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{MaxSize: 100}))
	for _, test := range []struct {
		path   string
		want   int
		header []string
	}{
		{"/a", 413, []string{"Content-Length", "101"}},
		{"/none/a", 409, []string{"Content-Length", "10"}},
		{"/old", 412, []string{"Content-Length", "10", "If-None-Match", "*"}},
		{"/.git", 404, []string{"Content-Length", "10"}},
	} {
		conn, r := dial(t, url)
		io.WriteString(conn, head("PUT "+test.path, append(test.header, "Expect", "100-continue")...))
		if res := answerTo(t, r, "PUT"); res.StatusCode != test.want {
			t.Errorf("%s: %s, want %d", test.path, res.Status, test.want)
		}
	}
	wantFiles(t, dir, map[string]string{"old": "old"})
}

// What breaks off never appears, and leaves nothing.
func TestPutBreaksOff(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		for _, chunked := range []bool{false, true} {
			dir := t.TempDir()
			write(t, dir, "a", []byte("old"))
			seen := make(outcomes, 1)
			url, client := serve(t, protocol, httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{OnRequest: seen.on}))
			body, w := io.Pipe()
			req, err := http.NewRequestWithContext(t.Context(), "PUT", url+"a", body)
			if err != nil {
				t.Fatal(err)
			}
			if !chunked {
				req.ContentLength = 300_000
			}
			go func() {
				w.Write(random(200_000))
				w.CloseWithError(errors.New("the source has failed"))
			}()
			if res, err := client.Do(req); err == nil {
				res.Body.Close()
				t.Errorf("%s", res.Status)
			}
			o := seen.next(t)
			if o.Err == nil || !o.ClientGone || o.Bytes > 200_000 {
				t.Errorf("outcome %+v", o)
			}
			wantFiles(t, dir, map[string]string{"a": "old"})
		}
	})
}

// A body that is shorter than its Content-Length is none, and what is behind it is not part of it.
func TestPutLength(t *testing.T) {
	dir := t.TempDir()
	url, _ := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{}))
	for _, test := range []struct {
		body string
		want int
	}{{"short", 400}, {"exact!", 201}, {"longer!", 204}} {
		conn, r := dial(t, url)
		io.WriteString(conn, head("PUT /a", "Content-Length", "6")+test.body)
		conn.(interface{ CloseWrite() error }).CloseWrite()
		if res := answerTo(t, r, "PUT"); res.StatusCode != test.want {
			t.Errorf("%q: %s, want %d", test.body, res.Status, test.want)
		}
	}
	conn, r := dial(t, url)
	io.WriteString(conn, head("PUT /b", "Transfer-Encoding", "chunked")+"3\r\nabc\r\nzz\r\n")
	if res := answerTo(t, r, "PUT"); res.StatusCode != 400 || !res.Close {
		t.Errorf("malformed chunk: %s, close %t", res.Status, res.Close)
	}
	wantFiles(t, dir, map[string]string{"a": "longer"})
}

// After a refusal a connection either goes on with the next request, or is closed; what is left of
// a body is never taken for a request.
func TestPutRefusedConnection(t *testing.T) {
	dir := t.TempDir()
	url, _ := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{MaxSize: 1000}))
	smuggled := head("PUT /smuggled", "Content-Length", "0")
	conn, r := dial(t, url)
	io.WriteString(conn, head("PUT /none/a", "Content-Length", "500")+smuggled+strings.Repeat("x", 500-len(smuggled)))
	if res := answerTo(t, r, "PUT"); res.StatusCode != 409 || res.Close {
		t.Errorf("%s, close %t", res.Status, res.Close)
	}
	io.WriteString(conn, head("PUT /b", "Transfer-Encoding", "chunked")+"7d0\r\n"+strings.Repeat("x", 1500))
	if res := answerTo(t, r, "PUT"); res.StatusCode != 413 || !res.Close {
		t.Errorf("%s, close %t", res.Status, res.Close)
	}
	wantFiles(t, dir, map[string]string{})
}

func TestPutThroughSymlink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: symbolic links need a privilege")
	}
	dir := t.TempDir()
	write(t, dir, "dir/target", []byte("old"))
	symlink(t, "dir/target", filepath.Join(dir, "link"))
	url, client := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{}))
	wantStatus(t, do(t, client, "PUT", url+"link", strings.NewReader("new")), 204)
	wantFiles(t, dir, map[string]string{"dir/": "", "dir/target": "new", "link": "L---------"})
}
