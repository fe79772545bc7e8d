package httpflow_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/weirflow/weir/httpflow"
)

// raw sends a request line as it is, which no client would, and returns the answer.
func raw(t *testing.T, url, line string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: weir.test\r\nConnection: close\r\n\r\n", line); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(line, " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	defer res.Body.Close()
	return res, string(readAll(t, res.Body))
}

func symlink(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}

// refused returns the request targets of testdata/refused.txt, where the folder above the one that
// is served is top.
func refused(t *testing.T, top string) (targets []string) {
	t.Helper()
	b, err := os.ReadFile("testdata/refused.txt")
	if err != nil {
		t.Fatal(err)
	}
	bytes := strings.NewReplacer("{NUL}", "\x00", "{TAB}", "\t", "{top}", top)
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && !strings.HasPrefix(line, "#") {
			targets = append(targets, bytes.Replace(line))
		}
	}
	return targets
}

// wellFormed says that net/http takes a request with the target.
func wellFormed(target string) bool {
	_, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: weir.test\r\n\r\n")))
	return err == nil
}

func TestPaths(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: the test makes files with names that Windows does not have")
	}
	top := t.TempDir()
	write(t, top, "secret", []byte("secret"))
	write(t, top, "root-beside/secret", []byte("secret"))
	dir := filepath.Join(top, "root")
	write(t, dir, "a.txt", []byte("a"))
	write(t, dir, "ä b%20?#.txt", []byte("odd"))
	write(t, dir, `back\slash.txt`, []byte("no"))
	write(t, dir, ".hidden", []byte("no"))
	write(t, dir, ".git/config", []byte("no"))
	write(t, dir, "sub/index.html", []byte("index"))
	write(t, dir, "sub/deep/b.txt", []byte("b"))
	write(t, dir, "a:b/index.html", []byte("colon"))
	write(t, dir, "odd/index.html/x", []byte("x"))
	write(t, dir, "..a..txt", []byte("no"))
	write(t, dir, "a..b", []byte("dots"))
	symlink(t, "a.txt", filepath.Join(dir, "inside"))
	symlink(t, "sub", filepath.Join(dir, "subinside"))
	symlink(t, "../secret", filepath.Join(dir, "outside"))
	symlink(t, filepath.Join(top, "secret"), filepath.Join(dir, "absolute"))
	symlink(t, "..", filepath.Join(dir, "up"))
	symlink(t, "/dev/zero", filepath.Join(dir, "zero"))
	symlink(t, "loop", filepath.Join(dir, "loop"))
	symlink(t, "nowhere", filepath.Join(dir, "dangling"))
	want := map[string]string{
		"/a.txt":                        "200 a",
		"/%61.txt":                      "200 a",
		"/%C3%A4%20b%2520%3F%23.txt":    "200 odd",
		"/inside":                       "200 a",
		"/sub/":                         "200 index",
		"/sub/index.html":               "200 index",
		"/sub/deep/b.txt":               "200 b",
		"/sub%2fdeep%2Fb.txt":           "200 b",
		"/subinside/deep/b.txt":         "200 b",
		"/a..b":                         "200 dots",
		"/sub":                          "301 sub/",
		"/sub?q=1":                      "301 sub/?q=1",
		"/sub/deep":                     "301 deep/",
		"/subinside":                    "301 subinside/",
		"/a:b":                          "301 ./a:b/",
		"/sub/deep/":                    "404",
		"/odd/":                         "404",
		"/":                             "404",
		"/a.txt/":                       "404",
		"/a.txt/x":                      "404",
		"/no":                           "404",
		"//a.txt":                       "404",
		"/sub//index.html":              "404",
		"//sub":                         "404",
		"//weir.test/%2e%2e":            "404",
		"/" + strings.Repeat("a", 5000): "404",
		"/" + strings.Repeat("a/", 500): "404",
		"/%ff%fe":                       "404",
	}
	for _, path := range refused(t, top) {
		want[path] = "404"
	}
	url, _ := serve(t, "h1", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{}))
	for path, want := range want {
		for _, method := range []string{"GET", "HEAD"} {
			res, body := raw(t, url, method+" "+path)
			if strings.Contains(body, "secret") {
				t.Fatalf("%s: a secret got out", path)
			}
			got := fmt.Sprint(res.StatusCode)
			switch {
			case res.StatusCode == 301:
				got += " " + res.Header.Get("Location")
			case res.StatusCode == 200 && method == "GET":
				got += " " + body
			case res.StatusCode == 200:
				got = want
			case res.StatusCode == 400 && !wellFormed(path):
				continue // net/http itself refuses it
			}
			if got != want {
				t.Errorf("%s %s: %s, want %s", method, path, got, want)
			}
		}
	}
}

func TestDotfilesOnRequest(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "root/.well-known/x", []byte("x"))
	write(t, dir, "secret", []byte("secret"))
	url, _ := serve(t, "h1", httpflow.FileServer(openRoot(t, filepath.Join(dir, "root")), httpflow.FileServerOptions{Dotfiles: true}))
	for path, want := range map[string]int{
		"/.well-known/x": 200, "/.well-known/../.well-known/x": 404, "/../secret": 404, "/./.well-known/x": 404, "/..": 404,
	} {
		if res, _ := raw(t, url, "GET "+path); res.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, res.Status, want)
		}
	}
}

func TestIndexAtTheRoot(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "index.html", []byte("<p>hello"))
	url, _ := serve(t, "h1", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{}))
	if res, body := raw(t, url, "GET /"); res.StatusCode != 200 || body != "<p>hello" || res.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%s, %q, %v", res.Status, body, res.Header)
	}
}

// The redirect is relative, so it leads to the right place below a prefix.
func TestRedirectBelowAPrefix(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "sub/index.html", []byte("index"))
	mux := http.NewServeMux()
	mux.Handle("/files/", http.StripPrefix("/files", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{})))
	url, client := serve(t, "h1", mux)
	client.CheckRedirect = nil
	res := get(t, client, "GET", url+"files/sub")
	if body := string(readAll(t, res.Body)); body != "index" || res.Request.URL.Path != "/files/sub/" {
		t.Errorf("%s, %q at %s", res.Status, body, res.Request.URL)
	}
}

func TestFileServerWithoutPermission(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("SKIPPED: root may read everything")
	}
	dir := t.TempDir()
	if err := os.Chmod(write(t, dir, "a", []byte("secret")), 0); err != nil {
		t.Fatal(err)
	}
	url, _ := serve(t, "h1", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{}))
	if res, body := raw(t, url, "GET /a"); res.StatusCode != 403 || strings.Contains(body, "secret") {
		t.Errorf("%s, %q", res.Status, body)
	}
}
