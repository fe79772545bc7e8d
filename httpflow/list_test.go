package httpflow_test

import (
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/httpflow"
)

func TestList(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "root")
	write(t, top, "secret", []byte("secret"))
	evil := `<script>alert("x")</script>&'.txt`
	for _, name := range []string{"Track 10.mp3", "track 2.mp3", "b.mp4", "a:b?c#d%20.txt", evil[:strings.Index(evil, "/")] + "&'.txt", ".hidden",
		`back\slash`, "sub dir/x.flac", "Alpha/x", "with/index.html", "odd\xff.txt"} {
		write(t, dir, name, make([]byte, 1536))
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	symlink(t, "../secret", filepath.Join(dir, "outside"))
	symlink(t, "b.mp4", filepath.Join(dir, "inside.mp4"))
	at := time.Date(2024, 2, 29, 12, 30, 0, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, "b.mp4"), at, at); err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, protocol string) {
		u, client := serve(t, protocol, httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{
			Options: httpflow.Options{CacheControl: "immutable", Attachment: true}, List: true,
		}))
		res := get(t, client, "GET", u)
		page := string(readAll(t, res.Body))
		want := "200 Content-Type:text/html;␣charset=utf-8 Cache-Control:no-cache X-Content-Type-Options:nosniff -Content-Disposition -Last-Modified"
		if err := matches(res, page, want); err != "" {
			t.Error(err)
		}
		if csp := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none';") {
			t.Errorf("Content-Security-Policy: %s", csp)
		}
		var links []string
		for _, m := range regexp.MustCompile(`<li><a href="([^"]*)">`).FindAllStringSubmatch(page, -1) {
			link, err := url.PathUnescape(strings.NewReplacer("&amp;", "&", "&#39;", "'").Replace(m[1]))
			if err != nil {
				t.Error(err)
			}
			links = append(links, link)
			target, err := url.Parse(u)
			if err != nil {
				t.Fatal(err)
			}
			if target, err = target.Parse(strings.NewReplacer("&amp;", "&", "&#39;", "'").Replace(m[1])); err != nil {
				t.Fatal(err)
			}
			if res := get(t, client, "GET", target.String()); res.StatusCode != 200 {
				t.Errorf("%s: %s", m[1], res.Status)
			}
		}
		if diff := cmp.Diff([]string{"./Alpha/", "./empty/", "./sub dir/", "./with/",
			`./<script>alert("x")<&'.txt`, "./a:b?c#d%20.txt", "./b.mp4", "./inside.mp4", "./odd\xff.txt", "./track 2.mp3", "./Track 10.mp3"}, links); diff != "" {
			t.Error(diff)
		}
		for _, want := range []string{
			`<audio controls preload="none" src="./track%202.mp3"></audio>`, `<video controls preload="none" src="./b.mp4"></video>`,
			"1.5 KiB", `<time datetime="2024-02-29T12:30:00Z">2024-02-29 12:30</time>`, "odd\uFFFD.txt", `<meta name="viewport"`,
		} {
			if !strings.Contains(page, want) {
				t.Errorf("no %s in the page", want)
			}
		}
		if strings.Contains(page, "<script") || strings.Contains(page, "secret") || strings.Contains(page, "hidden") {
			t.Errorf("the page has what it must not have:\n%s", page)
		}
		if res := get(t, client, "GET", u, "If-None-Match", res.Header.Get("Etag")); res.StatusCode != 304 {
			t.Errorf("If-None-Match: %s", res.Status)
		}
		head := get(t, client, "HEAD", u)
		if body, err := io.ReadAll(head.Body); head.ContentLength != int64(len(page)) || len(body) > 0 || err != nil {
			t.Errorf("HEAD: Content-Length %d, %d bytes, %v", head.ContentLength, len(body), err)
		}
		sub := string(readAll(t, get(t, client, "GET", u+"sub%20dir/").Body))
		if !strings.Contains(sub, `<li><a href="../">`) || !strings.Contains(sub, `<bdi>sub dir</bdi>`) {
			t.Errorf("no way up:\n%s", sub)
		}
		if res := get(t, client, "GET", u+"with/"); res.Header.Get("Etag") == "" || res.ContentLength != 1536 {
			t.Errorf("a directory with index.html: %s, %d bytes", res.Status, res.ContentLength)
		}
		if page := string(readAll(t, get(t, client, "GET", u+"empty/").Body)); !strings.Contains(page, "This directory is empty.") {
			t.Errorf("an empty directory:\n%s", page)
		}
	})
}
