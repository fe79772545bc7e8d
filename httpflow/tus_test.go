package httpflow_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	neturl "net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/httpflow"
)

// tusRequest sends a request of tus.
func tusRequest(t *testing.T, client *http.Client, method, url string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	res := do(t, client, method, url, body, append([]string{"Tus-Resumable", "1.0.0"}, header...)...)
	if res.Header.Get("Tus-Resumable") != "1.0.0" {
		t.Errorf("%s: no Tus-Resumable in the answer", method)
	}
	return res
}

// begin creates an upload and returns its URL.
func begin(t *testing.T, client *http.Client, url string, header ...string) string {
	t.Helper()
	res := tusRequest(t, client, "POST", url, nil, header...)
	wantStatus(t, res, 201)
	location, err := res.Location()
	if err != nil {
		t.Fatal(err)
	}
	return location.String()
}

func patch(t *testing.T, client *http.Client, url string, offset int, body []byte, header ...string) *http.Response {
	t.Helper()
	return tusRequest(t, client, "PATCH", url, bytes.NewReader(body), append([]string{
		"Content-Type", "application/offset+octet-stream", "Upload-Offset", strconv.Itoa(offset)}, header...)...)
}

// wantOffset asks how much of an upload there is.
func wantOffset(t *testing.T, client *http.Client, url string, want int) *http.Response {
	t.Helper()
	res := tusRequest(t, client, "HEAD", url, nil)
	wantStatus(t, res, 200)
	if got := res.Header.Get("Upload-Offset"); got != strconv.Itoa(want) || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Upload-Offset %q, want %d; Cache-Control %q", got, want, res.Header.Get("Cache-Control"))
	}
	return res
}

func checksumField(b []byte) string {
	sum := sha1.Sum(b)
	return "sha1 " + base64.StdEncoding.EncodeToString(sum[:])
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// visible are the files in dir that FileServer would serve.
func visible(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := files(t, dir)
	for name := range all {
		if strings.HasPrefix(filepath.Base(name), ".") {
			delete(all, name)
		}
	}
	return all
}

func TestTus(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		dir := t.TempDir()
		root := openRoot(t, dir)
		write(t, dir, "dir/old.bin", []byte("old"))
		mux := http.NewServeMux()
		mux.Handle("/up/", http.StripPrefix("/up", httpflow.Receiver(root, httpflow.ReceiverOptions{})))
		url, client := serve(t, protocol, mux)
		body := random(300_000)
		metadata := "filename " + base64Of("old.bin") + ",empty"
		at := begin(t, client, url+"up/dir/", "Upload-Length", "300000", "Upload-Metadata", metadata)
		if !strings.HasPrefix(at, url+"up/dir/old.bin?upload=") {
			t.Errorf("the upload is at %s", at)
		}
		res := wantOffset(t, client, at, 0)
		if res.Header.Get("Upload-Length") != "300000" || res.Header.Get("Upload-Metadata") != metadata {
			t.Errorf("HEAD: %v", res.Header)
		}
		for _, part := range [][2]int{{0, 100_000}, {100_000, 100_001}, {100_001, 300_000}} {
			if diff := cmp.Diff(map[string]string{"dir/": "", "dir/old.bin": "old"}, visible(t, dir)); diff != "" {
				t.Error(diff)
			}
			wantStatus(t, patch(t, client, at, part[0]+1, body[part[0]:part[1]-1]), 409)
			res := patch(t, client, at, part[0], body[part[0]:part[1]])
			wantStatus(t, res, 204)
			if res.Header.Get("Upload-Offset") != strconv.Itoa(part[1]) || part[1] < 300_000 && res.Header.Get("Upload-Expires") == "" {
				t.Errorf("PATCH: %v", res.Header)
			}
			wantOffset(t, client, at, part[1])
		}
		if diff := cmp.Diff(map[string]string{"dir/": "", "dir/old.bin": string(body)}, visible(t, dir)); diff != "" {
			t.Error("the file is not what was sent")
		}
		// The last answer may have been lost: the client finds out that it is complete.
		wantStatus(t, patch(t, client, at, 300_000, nil), 204)
		wantStatus(t, tusRequest(t, client, "DELETE", at, nil), 204)
		wantStatus(t, tusRequest(t, client, "HEAD", at, nil), 404)
		wantFiles(t, dir, map[string]string{"dir/": "", "dir/old.bin": string(body)})
	})
}

func TestTusCreation(t *testing.T) {
	dir := t.TempDir()
	url, client := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{MaxSize: 100}))
	name := "filename " + base64Of("a")
	offset := []string{"Content-Type", "application/offset+octet-stream"}
	for _, test := range []struct {
		path, body string
		want       int
		header     []string
	}{
		{"", "", 400, []string{"Upload-Length", "3"}}, // no name
		{"", "", 400, []string{"Upload-Length", "3", "Upload-Metadata", "filename " + base64Of("../a")}},
		{"", "", 400, []string{"Upload-Length", "3", "Upload-Metadata", "filename " + base64Of(".a")}},
		{"", "", 400, []string{"Upload-Length", "3", "Upload-Metadata", "filename " + base64Of("a/")}},
		{"", "", 400, []string{"Upload-Length", "3", "Upload-Metadata", "filename " + base64Of("/a")}},
		{"", "", 400, []string{"Upload-Length", "3", "Upload-Metadata", "filename *"}},
		{"", "", 400, []string{"Upload-Length", "3", "Upload-Metadata", name + "," + name}},
		{"", "", 400, []string{"Upload-Metadata", name}}, // no length
		{"", "", 400, []string{"Upload-Length", "-3", "Upload-Metadata", name}},
		{"", "", 400, []string{"Upload-Length", "3", "Upload-Defer-Length", "1", "Upload-Metadata", name}},
		{"", "", 400, []string{"Upload-Defer-Length", "2", "Upload-Metadata", name}},
		{"", "", 400, []string{"Upload-Length", "3", "Upload-Concat", "partial", "Upload-Metadata", name}},
		{"", "", 413, []string{"Upload-Length", "101", "Upload-Metadata", name}},
		{"", "", 409, []string{"Upload-Length", "3", "Upload-Metadata", "filename " + base64Of("none/a")}},
		{".a", "", 404, []string{"Upload-Length", "3"}},
		{"a", "", 412, []string{"Upload-Length", "3", "If-Match", "*"}},
		{"a", "", 412, []string{"Upload-Length", "3", "Tus-Resumable", "0.2.2"}},
		{"a", "abc", 415, []string{"Upload-Length", "3"}},
		{"a", "abcd", 413, append(offset, "Upload-Length", "3")},
		{"a", "abc", 460, append(offset, "Upload-Length", "3", "Upload-Checksum", checksumField([]byte("ABC")))},
		{"a", "abc", 400, append(offset, "Upload-Length", "3", "Upload-Checksum", "crc99 AAAA")},
	} {
		header := test.header
		if len(header) < 4 || header[len(header)-2] != "Tus-Resumable" {
			header = append([]string{"Tus-Resumable", "1.0.0"}, header...)
		}
		wantStatus(t, do(t, client, "POST", url+test.path, strings.NewReader(test.body), header...), test.want)
	}
	wantFiles(t, dir, map[string]string{})

	begin(t, client, url+"empty", "Upload-Length", "0")
	res := tusRequest(t, client, "POST", url+"whole", strings.NewReader("abc"),
		append(offset, "Upload-Length", "3", "Upload-Checksum", checksumField([]byte("abc")))...)
	if wantStatus(t, res, 201); res.Header.Get("Upload-Offset") != "3" {
		t.Errorf("%v", res.Header)
	}
	res = tusRequest(t, client, "POST", url+"part", strings.NewReader("abc"), append(offset, "Upload-Length", "6")...)
	location, err := res.Location()
	if err != nil {
		t.Fatal(err)
	}
	wantOffset(t, client, location.String(), 3)
	wantStatus(t, patch(t, client, location.String(), 3, []byte("def")), 204)
	if diff := cmp.Diff(map[string]string{"empty": "", "whole": "abc", "part": "abcdef"}, visible(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestTusDeferredLength(t *testing.T) {
	dir := t.TempDir()
	url, client := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{MaxSize: 10}))
	at := begin(t, client, url+"a", "Upload-Defer-Length", "1")
	wantStatus(t, patch(t, client, at, 0, []byte("abc")), 204)
	if res := wantOffset(t, client, at, 3); res.Header.Get("Upload-Defer-Length") != "1" || res.Header.Get("Upload-Length") != "" {
		t.Errorf("%v", res.Header)
	}
	wantStatus(t, patch(t, client, at, 3, random(8)), 413)
	wantStatus(t, tusRequest(t, client, "PATCH", at, io.MultiReader(bytes.NewReader(random(8))),
		"Content-Type", "application/offset+octet-stream", "Upload-Offset", "3"), 413)
	wantStatus(t, patch(t, client, at, 3, nil, "Upload-Length", "2"), 400)
	wantStatus(t, patch(t, client, at, 3, nil, "Upload-Length", "11"), 413)
	wantStatus(t, patch(t, client, at, 3, []byte("d"), "Upload-Length", "6"), 204)
	wantStatus(t, patch(t, client, at, 4, []byte("e"), "Upload-Length", "7"), 400)
	if res := wantOffset(t, client, at, 4); res.Header.Get("Upload-Length") != "6" {
		t.Errorf("%v", res.Header)
	}
	wantStatus(t, patch(t, client, at, 4, []byte("ef")), 204)
	if diff := cmp.Diff(map[string]string{"a": "abcdef"}, visible(t, dir)); diff != "" {
		t.Error(diff)
	}
	at = begin(t, client, url+"b", "Upload-Defer-Length", "1")
	wantStatus(t, patch(t, client, at, 0, []byte("abc")), 204)
	wantStatus(t, patch(t, client, at, 3, nil, "Upload-Length", "3"), 204)
	if diff := cmp.Diff(map[string]string{"a": "abcdef", "b": "abc"}, visible(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestTusPatchRefusals(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		dir := t.TempDir()
		url, client := serve(t, protocol, httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{}))
		at := begin(t, client, url+"a", "Upload-Length", "6")
		wantStatus(t, patch(t, client, at, 0, []byte("abc")), 204)
		before := files(t, dir)
		u, _ := neturl.Parse(at)
		other := url + "b?" + u.RawQuery // the file's name belongs to the upload's
		content := []string{"Content-Type", "application/offset+octet-stream"}
		for _, test := range []struct {
			url, body string
			want      int
			header    []string
		}{
			{at, "def", 415, []string{"Upload-Offset", "3"}},
			{at, "def", 400, content},
			{at, "def", 400, append(content, "Upload-Offset", "x")},
			{at, "def", 409, append(content, "Upload-Offset", "2")},
			{at, "def", 409, append(content, "Upload-Offset", "4")},
			{at, "defg", 413, append(content, "Upload-Offset", "3")},
			{at, "def", 460, append(content, "Upload-Offset", "3", "Upload-Checksum", checksumField([]byte("xxx")))},
			{at, "def", 400, append(content, "Upload-Offset", "3", "Upload-Checksum", "md4 AAAA")},
			{at, "def", 400, append(content, "Upload-Offset", "3", "Upload-Checksum", "sha1 AAAA")},
			{at, "def", 404, append(content, "Upload-Offset", "3")},
			{at + "A", "def", 404, append(content, "Upload-Offset", "3")},
			{other, "def", 404, append(content, "Upload-Offset", "3")},
		} {
			if test.want == 404 && test.url == at {
				test.url = url + "a?upload=" + strings.Repeat("A", 26)
			}
			wantStatus(t, tusRequest(t, client, "PATCH", test.url, strings.NewReader(test.body), test.header...), test.want)
		}
		// One that does not say how long it is, and is too long.
		wantStatus(t, tusRequest(t, client, "PATCH", at, io.MultiReader(strings.NewReader("defg")), append(content, "Upload-Offset", "3")...), 413)
		wantOffset(t, client, at, 3)
		after := files(t, dir)
		if diff := cmp.Diff(before, after); diff != "" {
			t.Error(diff)
		}
		wantStatus(t, patch(t, client, at, 3, []byte("def"), "Upload-Checksum", checksumField([]byte("def"))), 204)
		if diff := cmp.Diff(map[string]string{"a": "abcdef"}, visible(t, dir)); diff != "" {
			t.Error(diff)
		}
	})
}

// What came of a PATCH that breaks off stays, unless it has a checksum.
func TestTusPatchBreaksOff(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		for _, checked := range []bool{false, true} {
			dir := t.TempDir()
			seen := make(outcomes, 10)
			url, client := serve(t, protocol, httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{OnRequest: seen.on}))
			at := begin(t, client, url+"a", "Upload-Length", "300000")
			seen.next(t)
			body, w := io.Pipe()
			req, err := http.NewRequestWithContext(t.Context(), "PATCH", at, body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header = http.Header{"Tus-Resumable": {"1.0.0"}, "Upload-Offset": {"0"}, "Content-Type": {"application/offset+octet-stream"}}
			if checked {
				req.Header.Set("Upload-Checksum", checksumField(random(300_000)))
			}
			req.ContentLength = 300_000
			go func() {
				w.Write(random(200_000))
				w.CloseWithError(errors.New("the source has failed"))
			}()
			if res, err := client.Do(req); err == nil {
				res.Body.Close()
				t.Errorf("%s", res.Status)
			}
			o := seen.next(t)
			if o.Err == nil || !o.ClientGone {
				t.Errorf("outcome %+v", o)
			}
			want := int(o.Bytes)
			if checked {
				want = 0
			}
			wantOffset(t, client, at, want)
			wantStatus(t, patch(t, client, at, want, random(300_000)[want:]), 204)
			if diff := cmp.Diff(map[string]string{"a": string(random(300_000))}, visible(t, dir)); diff != "" {
				t.Error("the file is not what was sent")
			}
		}
	})
}

// A client that has lost its connection asks how much has come, and goes on, while the server still
// waits for the old request. Two at once that write are one too many.
func TestTusOneAtATime(t *testing.T) {
	dir := t.TempDir()
	url, client := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{}))
	at := begin(t, client, url+"a", "Upload-Length", "6")
	u, _ := neturl.Parse(at)
	stalled := func() func() {
		conn, r := dial(t, url)
		io.WriteString(conn, head("PATCH "+u.RequestURI(), "Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Length", "6",
			"Content-Type", "application/offset+octet-stream", "Expect", "100-continue"))
		if res := answerTo(t, r, "PATCH"); res.StatusCode != 100 { // it is being read
			t.Fatal(res.Status)
		}
		return func() {
			if res := answerTo(t, r, "PATCH"); res.StatusCode != 409 || !res.Close {
				t.Errorf("the old request: %s, close %t", res.Status, res.Close)
			}
		}
	}
	old := stalled()
	wantStatus(t, patch(t, client, at, 0, []byte("xyz")), 423)
	wantOffset(t, client, at, 0)
	old()
	wantStatus(t, patch(t, client, at, 0, []byte("abc")), 204)
	wantOffset(t, client, at, 3)
	wantStatus(t, patch(t, client, at, 3, []byte("def")), 204)
	if diff := cmp.Diff(map[string]string{"a": "abcdef"}, visible(t, dir)); diff != "" {
		t.Error(diff)
	}

	at = begin(t, client, url+"b", "Upload-Length", "6")
	u, _ = neturl.Parse(at)
	old = stalled()
	wantStatus(t, tusRequest(t, client, "DELETE", at, nil), 204)
	old()
	wantStatus(t, tusRequest(t, client, "HEAD", at, nil), 404)
}

// What is left of a body when its request has been superseded is not taken for a request.
func TestTusSupersededConnection(t *testing.T) {
	dir := t.TempDir()
	url, client := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{}))
	at := begin(t, client, url+"a", "Upload-Length", "1000")
	u, _ := neturl.Parse(at)
	conn, r := dial(t, url)
	io.WriteString(conn, head("PATCH "+u.RequestURI(), "Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Length", "1000",
		"Content-Type", "application/offset+octet-stream")+"abc")
	part := filepath.Join(dir, ".tus-"+u.Query().Get("upload"))
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if b, err := os.ReadFile(part); err != nil || time.Now().After(deadline) {
			t.Fatalf("%d bytes, %v", len(b), err)
		} else if len(b) == 3 {
			break
		}
	}
	wantOffset(t, client, at, 3)
	io.WriteString(conn, head("PUT /smuggled", "Content-Length", "0"))
	if res := answerTo(t, r, "PATCH"); res.StatusCode != 409 || !res.Close {
		t.Errorf("%s, close %t", res.Status, res.Close)
	}
	if _, err := http.ReadResponse(r, nil); err == nil {
		t.Error("there is a second answer")
	}
	if diff := cmp.Diff(map[string]string{}, visible(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// An upload that replaces a file does it as a PUT does.
func TestTusReplaces(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: symbolic links need a privilege, and modes are others")
	}
	dir := t.TempDir()
	old := write(t, dir, "dir/old", []byte("old"))
	if err := os.Chmod(old, 0o640); err != nil {
		t.Fatal(err)
	}
	symlink(t, "dir/old", filepath.Join(dir, "link"))
	url, client := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{}))
	at := begin(t, client, url+"link", "Upload-Length", "3")
	wantStatus(t, patch(t, client, at, 0, []byte("new")), 204)
	wantStatus(t, tusRequest(t, client, "DELETE", at, nil), 204)
	wantFiles(t, dir, map[string]string{"dir/": "", "dir/old": "new", "link": "L---------"})
	if info, err := os.Stat(old); err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// Another handler, as after a restart, goes on with what is on the disk.
func TestTusAfterARestart(t *testing.T) {
	dir := t.TempDir()
	root := openRoot(t, dir)
	for _, test := range []struct {
		name string
		kill func(part, record string) // what a killed process leaves
		want int
		body string // if it is published
	}{
		{"in order", func(string, string) {}, 3, ""},
		{"in the middle", func(part, _ string) { appendTo(t, part, "de") }, 5, ""},
		{"before it was published", func(part, _ string) { appendTo(t, part, "def") }, 6, "abcdef"},
		{"after it was published", func(part, _ string) {
			appendTo(t, part, "def")
			if err := os.Rename(part, filepath.Join(dir, "a")); err != nil {
				t.Fatal(err)
			}
		}, 6, "abcdef"},
		{"in the middle of what has a checksum", func(part, record string) {
			appendTo(t, part, "XXX")
			b, err := os.ReadFile(record)
			if err != nil {
				t.Fatal(err)
			}
			b = bytes.Replace(b, []byte("{"), []byte(`{"verified":3,`), 1)
			if err := os.WriteFile(record, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}, 3, ""},
	} {
		url, client := serve(t, "h1", httpflow.Receiver(root, httpflow.ReceiverOptions{}))
		at := begin(t, client, url+"a", "Upload-Length", "6")
		wantStatus(t, patch(t, client, at, 0, []byte("abc")), 204)
		u, _ := neturl.Parse(at)
		part := filepath.Join(dir, ".tus-"+u.Query().Get("upload"))
		test.kill(part, part+".json")

		url, client = serve(t, "h1", httpflow.Receiver(root, httpflow.ReceiverOptions{}))
		at = url + strings.TrimPrefix(u.RequestURI(), "/")
		wantOffset(t, client, at, test.want)
		if test.body == "" {
			wantStatus(t, patch(t, client, at, test.want, []byte("abcdef")[test.want:]), 204)
			wantOffset(t, client, at, 6)
		}
		if diff := cmp.Diff(map[string]string{"a": "abcdef"}, visible(t, dir)); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		if test.name != "after it was published" { // that record expires
			wantFiles(t, dir, map[string]string{"a": "abcdef"})
		}
		wantStatus(t, tusRequest(t, client, "DELETE", at, nil), 204)
		wantFiles(t, dir, map[string]string{"a": "abcdef"})
		if err := os.Remove(filepath.Join(dir, "a")); err != nil {
			t.Fatal(err)
		}
	}
}

func appendTo(t *testing.T, name, s string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(s); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTusConditions(t *testing.T) {
	dir := t.TempDir()
	url, client := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{}))
	only := begin(t, client, url+"a", "Upload-Length", "3", "If-None-Match", "*")
	tag := do(t, client, "PUT", url+"a", strings.NewReader("old")).Header.Get("Etag")
	wantStatus(t, patch(t, client, only, 0, []byte("new")), 412) // it was not there when the upload began
	wantStatus(t, tusRequest(t, client, "HEAD", only, nil), 412)
	wantStatus(t, tusRequest(t, client, "POST", url+"a", nil, "Upload-Length", "3", "If-None-Match", "*"), 412)
	match := begin(t, client, url+"a", "Upload-Length", "3", "If-Match", tag)
	wantStatus(t, patch(t, client, match, 0, []byte("new")), 204)
	if diff := cmp.Diff(map[string]string{"a": "new"}, visible(t, dir)); diff != "" {
		t.Error(diff)
	}
	// The reason is gone.
	if err := os.Remove(filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	wantOffset(t, client, only, 3)
	if diff := cmp.Diff(map[string]string{"a": "new"}, visible(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestTusExpires(t *testing.T) {
	dir := t.TempDir()
	root := openRoot(t, dir)
	h := func() http.Handler { return httpflow.Receiver(root, httpflow.ReceiverOptions{Expires: time.Hour}) }
	url, client := serve(t, "h1", h())
	var at []string
	for _, name := range []string{"a", "b", "c"} {
		at = append(at, begin(t, client, url+name, "Upload-Length", "6"))
	}
	res := patch(t, client, at[2], 0, []byte("abcdef"))
	wantStatus(t, res, 204)
	res = wantOffset(t, client, at[0], 0)
	expires, err := http.ParseTime(res.Header.Get("Upload-Expires"))
	if left := time.Until(expires); err != nil || left > time.Hour || left < time.Hour/2 {
		t.Errorf("expires %v, %v", expires, err)
	}
	appendTo(t, write(t, dir, ".tus-other", nil), "somebody's")
	_, id, _ := strings.Cut(at[0], "upload=")
	killed := "..tus-" + id + ".json.weir-0"
	if runtime.GOOS != "windows" { // where a day has to pass
		write(t, dir, killed, []byte("what a killed process left of a record"))
	}
	age := func() {
		for name := range files(t, dir) {
			old := time.Now().Add(-time.Hour)
			if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	age()
	wantStatus(t, tusRequest(t, client, "HEAD", at[0], nil), 410)
	wantStatus(t, tusRequest(t, client, "HEAD", at[0], nil), 404)
	url, client = serve(t, "h1", h()) // it does not know when the folder was last looked through
	wantStatus(t, do(t, client, "PUT", url+"d", strings.NewReader("d")), 201)
	wantFiles(t, dir, map[string]string{"c": "abcdef", "d": "d", ".tus-other": "somebody's"})
}

func TestTusNeverExpires(t *testing.T) {
	dir := t.TempDir()
	url, client := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{Expires: -1}))
	at := begin(t, client, url+"a", "Upload-Length", "6")
	if res := wantOffset(t, client, at, 0); res.Header.Get("Upload-Expires") != "" {
		t.Errorf("%v", res.Header)
	}
	if res := do(t, client, "OPTIONS", url, nil); strings.Contains(res.Header.Get("Tus-Extension"), "expiration") {
		t.Errorf("%v", res.Header)
	}
}

func TestTusOptions(t *testing.T) {
	url, client := serve(t, "h1", httpflow.Receiver(openRoot(t, t.TempDir()), httpflow.ReceiverOptions{MaxSize: 100}))
	res := do(t, client, "OPTIONS", url, nil)
	wantStatus(t, res, 204)
	res.Header.Del("Date")
	if diff := cmp.Diff(http.Header{
		"Allow":                  {"HEAD, PUT, POST, OPTIONS"},
		"Tus-Resumable":          {"1.0.0"},
		"Tus-Version":            {"1.0.0"},
		"Tus-Max-Size":           {"100"},
		"Tus-Extension":          {"creation,creation-with-upload,creation-defer-length,termination,checksum,expiration"},
		"Tus-Checksum-Algorithm": {"sha1,sha256,sha512"},
	}, res.Header); diff != "" {
		t.Error(diff)
	}
}

// Where the way knows neither PATCH nor DELETE.
func TestTusMethodOverride(t *testing.T) {
	dir := t.TempDir()
	url, client := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{}))
	at := begin(t, client, url+"a", "Upload-Length", "6")
	wantStatus(t, tusRequest(t, client, "POST", at, strings.NewReader("abc"), "X-HTTP-Method-Override", "PATCH",
		"Upload-Offset", "0", "Content-Type", "application/offset+octet-stream"), 204)
	wantOffset(t, client, at, 3)
	wantStatus(t, tusRequest(t, client, "POST", at, nil, "X-HTTP-Method-Override", "DELETE"), 204)
	wantFiles(t, dir, map[string]string{})
}
