package httpflow_test

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/httpflow"
)

// rewrite gives a file other content of the same length, and its old time back.
func rewrite(t *testing.T, name, content string) {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.WriteFile(name, []byte(content), 0o644), os.Chtimes(name, info.ModTime(), info.ModTime()))
	if err != nil {
		t.Fatal(err)
	}
	if now, err := os.Stat(name); err != nil || now.Size() != info.Size() || !now.ModTime().Equal(info.ModTime()) {
		t.Fatalf("%v, %v: the size and the time were to stay as in %v", now, err, info)
	}
}

// RFC 9110 §8.8.1: a strong validator changes with the content, whatever is done to the file's times.
func TestValidatorsOfRestoredTimes(t *testing.T) {
	dir := t.TempDir()
	name := write(t, dir, "f", []byte("one and one"))
	past := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(name, past, past); err != nil {
		t.Fatal(err)
	}
	url, client := serve(t, "h1", httpflow.File(name, httpflow.Options{}))
	put, putClient := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{}))
	old := get(t, client, "GET", url)
	tag, date := old.Header.Get("Etag"), old.Header.Get("Last-Modified")
	if !strings.HasPrefix(tag, `"`) {
		t.Skipf("NOT RUN: the file system has no times of changes: the tag is %s", tag)
	}
	if res := get(t, client, "GET", url, "Range", "bytes=4-6", "If-Range", tag); res.StatusCode != 206 {
		t.Errorf("a range of the same file: %s", res.Status)
	}
	rewrite(t, name, "two and two")
	if now := get(t, client, "HEAD", url).Header.Get("Etag"); now == tag {
		t.Error("other content has the same tag")
	}
	for _, validator := range []string{tag, date} {
		res := get(t, client, "GET", url, "Range", "bytes=4-6", "If-Range", validator)
		if res.StatusCode != 200 {
			t.Errorf("a range of another file, with If-Range: %s: %s", validator, res.Status)
		}
	}
	wantStatus(t, do(t, putClient, "PUT", put+"f", strings.NewReader("three"), "If-Match", tag), 412)
	wantFiles(t, dir, map[string]string{"f": "two and two"})
}

// The tag in the answer to an upload is that of the file in its place, with all that publishing does to it.
func TestTagOfAnUploadLasts(t *testing.T) {
	dir := t.TempDir()
	root := openRoot(t, dir)
	receiver, server := httpflow.Receiver(root, httpflow.ReceiverOptions{}), httpflow.FileServer(root, httpflow.FileServerOptions{})
	url, client := serve(t, "h1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			server.ServeHTTP(w, r)
		} else {
			receiver.ServeHTTP(w, r)
		}
	}))
	for _, header := range [][]string{{"If-None-Match", "*"}, nil, nil} { // created only, replaced, replaced again
		res := do(t, client, "PUT", url+"f", strings.NewReader("body"), header...)
		tag := res.Header.Get("Etag")
		if tag == "" {
			t.Errorf("%s, without a tag", res.Status)
		}
		for what, other := range map[string]*http.Response{"HEAD": do(t, client, "HEAD", url+"f", nil), "GET": get(t, client, "GET", url+"f")} {
			if got := other.Header.Get("Etag"); got != tag {
				t.Errorf("%s: the tag is %q, after an upload that was answered with %q", what, got, tag)
			}
		}
	}
}

// Reading a file changes the time of the last access, and that is no change.
func TestTagStaysWhenTheFileIsRead(t *testing.T) {
	dir := t.TempDir()
	name := write(t, dir, "f", []byte("one"))
	url, client := serve(t, "h1", httpflow.File(name, httpflow.Options{}))
	first := get(t, client, "HEAD", url).Header.Get("Etag")
	if got := readAll(t, get(t, client, "GET", url).Body); string(got) != "one" {
		t.Errorf("got %q", got)
	}
	if again := get(t, client, "HEAD", url).Header.Get("Etag"); again != first {
		t.Errorf("the tag is %s, and was %s", again, first)
	}
}
