package httpflow_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/httpflow"
)

// cutBefore empties the file after the handler has looked at it and before it reads it: when the
// response's header is asked for the first time.
func cutBefore(h http.Handler, name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&cutting{ResponseWriter: w, name: name}, r)
	})
}

type cutting struct {
	http.ResponseWriter
	name string
	done bool
}

func (c *cutting) Header() http.Header {
	if !c.done {
		c.done = true
		_ = os.Truncate(c.name, 0)
	}
	return c.ResponseWriter.Header()
}

func (c *cutting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// What arrives, rule by rule. The details of conditions and ranges are in the tests of decide.
func TestRules(t *testing.T) {
	dir := t.TempDir()
	digits := strings.Repeat("0123456789", 100)
	write(t, dir, "a.txt", []byte(digits))
	write(t, dir, "empty.txt", nil)
	write(t, dir, `ö "x".txt`, []byte("x"))
	write(t, dir, "sub/x", []byte("x"))
	write(t, dir, ".hidden", []byte("x"))
	write(t, dir, "page.html", []byte("<p>identity"))
	write(t, dir, "page.html.br", []byte("brotli's bytes"))
	pageGzip := gzipped(t, "<p>identity")
	write(t, dir, "page.html.gz", []byte(pageGzip))
	write(t, dir, "sniffed", []byte("<!DOCTYPE html>"))
	sniffedZstd := zstdStored("<!DOCTYPE html>")
	write(t, dir, "sniffed.zst", []byte(sniffedZstd))
	write(t, dir, "stale.css", []byte("new"))
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(write(t, dir, "stale.css.gz", []byte(gzipped(t, "old"))), old, old); err != nil {
		t.Fatal(err)
	}
	future := time.Now().Add(time.Hour)
	if err := os.Chtimes(write(t, dir, "future.txt", []byte("x")), future, future); err != nil {
		t.Fatal(err)
	}
	symlink(t, filepath.Join(t.TempDir(), "outside"), filepath.Join(dir, "a.txt.br"))
	if err := os.Mkdir(filepath.Join(dir, "a.txt.gz"), 0o755); err != nil {
		t.Fatal(err)
	}
	opts := httpflow.FileServerOptions{Options: httpflow.Options{CacheControl: "max-age=60", Attachment: true}, Precompressed: true}

	each(t, func(t *testing.T, protocol string) {
		url, client := serve(t, protocol, httpflow.FileServer(openRoot(t, dir), opts))
		field := func(path, name string, header ...string) string {
			return get(t, client, "HEAD", url+path, header...).Header.Get(name)
		}
		tag, brTag := field("a.txt", "Etag"), field("page.html", "Etag", "Accept-Encoding", "br")
		modified := strings.ReplaceAll(field("a.txt", "Last-Modified"), " ", "␣")
		if tags := []string{field("page.html", "Etag"), brTag, field("page.html", "Etag", "Accept-Encoding", "gzip")}; tags[0] == tags[1] ||
			tags[1] == tags[2] || tags[0] == tags[2] || slices.Contains(tags, "") {
			t.Errorf("§8.8.3.3: an entity tag for each content coding: %v", tags)
		}
		for _, test := range []struct {
			rule, request string // method, path, header fields
			want          string // status, header fields ("-" in front: absent), body
		}{
			{"§9.3.1", "GET a.txt", "200 Content-Length:1000 Accept-Ranges:bytes =" + digits},
			{"§9.3.2", "HEAD a.txt", "200 Content-Length:1000 Accept-Ranges:bytes ="},
			{"§14.2: HEAD ignores Range", "HEAD a.txt Range:bytes=0-9", "200 Content-Length:1000 -Content-Range ="},
			{"§9.3.7", "OPTIONS a.txt", "204 Allow:GET,␣HEAD,␣OPTIONS -Content-Length ="},
			{"§15.5.6", "POST a.txt", "405 Allow:GET,␣HEAD,␣OPTIONS =Method Not Allowed\n"},
			{"§15.5.6", "DELETE a.txt", "405 Allow:GET,␣HEAD,␣OPTIONS =Method Not Allowed\n"},
			{"§15.5.6", "get a.txt", "405 Allow:GET,␣HEAD,␣OPTIONS =Method Not Allowed\n"},

			{"§15.3.7", "GET a.txt Range:bytes=3-5", "206 Content-Range:bytes␣3-5/1000 Content-Length:3 Accept-Ranges:bytes Etag:" + tag + " =345"},
			{"§14.1: case", "GET a.txt Range:BYTES=3-5", "206 =345"},
			{"§14.2: unknown unit", "GET a.txt Range:lines=3-5", "200 -Content-Range =" + digits},
			{"§14.2: bad set", "GET a.txt Range:bytes=5-3", "200 -Content-Range =" + digits},
			{"§14.1.2: last clamped", "GET a.txt Range:bytes=998-99999999999999999999", "206 Content-Range:bytes␣998-999/1000 =89"},
			{"§14.1.2: long suffix", "GET a.txt Range:bytes=-5000", "206 Content-Range:bytes␣0-999/1000 =" + digits},
			{"§14.1.2: suffix of 0", "GET a.txt Range:bytes=-0", "416 Content-Range:bytes␣*/1000 =Requested Range Not Satisfiable\n"},
			{"§15.5.17", "GET a.txt Range:bytes=1000-", "416 Content-Range:bytes␣*/1000 =Requested Range Not Satisfiable\n"},
			{"§5.3: twice", "GET a.txt Range:bytes=0-1 Range:bytes=0-1", "200 =" + digits},
			{"§14.2: empty", "GET empty.txt Range:bytes=0-", "200 Content-Length:0 ="},
			{"§15.3.7.2: coalesced to one", "GET a.txt Range:bytes=5-9,0-4", "206 Content-Range:bytes␣0-9/1000 Content-Length:10 =0123456789"},
			{"§15.3.7.2: parts", "GET a.txt Range:bytes=0-0,5-5", "206 -Content-Range Content-Length:248"},
			{"§17.15: parts larger than the whole", "GET a.txt Range:bytes=0-499,501-999", "200 =" + digits},

			{"§13.1.1", `GET a.txt If-Match:"x"`, "412 =Precondition Failed\n"},
			{"§13.1.1", "GET a.txt If-Match:" + tag, "200 =" + digits},
			{"§13.1.4", "GET a.txt If-Unmodified-Since:Mon,␣01␣Jan␣2001␣00:00:00␣GMT", "412 =Precondition Failed\n"},
			{"§13.1.2 and §15.4.5", "GET a.txt If-None-Match:" + tag, "304 Etag:" + tag + " Last-Modified:" + modified + " Cache-Control:max-age=60 ="},
			{"§13.1.2: HEAD", "HEAD a.txt If-None-Match:" + tag, "304 Etag:" + tag + " ="},
			{"§13.1.3", "GET a.txt If-Modified-Since:" + modified, "304 ="},
			{"§13.1.5: tag", "GET a.txt Range:bytes=3-5 If-Range:" + tag, "206 =345"},
			{"§13.1.5: weak", "GET a.txt Range:bytes=3-5 If-Range:W/" + tag, "200 =" + digits},
			{"§13.1.5: other", `GET a.txt Range:bytes=3-5 If-Range:"x"`, "200 =" + digits},

			{"§8.3", "GET page.html", "200 Content-Type:text/html;␣charset=utf-8 X-Content-Type-Options:nosniff =<p>identity"},
			{"§8.3: sniffed", "GET sniffed", "200 Content-Type:text/html;␣charset=utf-8 X-Content-Type-Options:nosniff =<!DOCTYPE html>"},
			{"RFC 6266", "GET a.txt", `200 Content-Disposition:attachment;␣filename="a.txt" =` + digits},
			{"RFC 8187", "GET %C3%B6%20%22x%22.txt",
				`200 Content-Disposition:attachment;␣filename="_␣_x_.txt";␣filename*=UTF-8''%C3%B6%20%22x%22.txt =x`},

			{"§12.5.3: best", "GET page.html Accept-Encoding:gzip,␣br",
				"200 Content-Encoding:br Content-Type:text/html;␣charset=utf-8 Content-Length:14 Vary:Accept-Encoding Etag:" + brTag + " =brotli's bytes"},
			{"§12.4.2: weight", "GET page.html Accept-Encoding:gzip,␣br;q=0.1", "200 Content-Encoding:gzip =" + pageGzip},
			{"§12.5.3: none there", "GET page.html Accept-Encoding:zstd", "200 -Content-Encoding Vary:Accept-Encoding =<p>identity"},
			{"§12.5.3: absent", "GET page.html", "200 -Content-Encoding Vary:Accept-Encoding =<p>identity"},
			{"§12.5.3: the type is the content's", "GET sniffed Accept-Encoding:*",
				"200 Content-Encoding:zstd Content-Type:text/html;␣charset=utf-8 =" + sniffedZstd},
			{"§14.2: ranges of that representation", "GET page.html Accept-Encoding:br Range:bytes=-5",
				"206 Content-Encoding:br Content-Range:bytes␣9-13/14 Vary:Accept-Encoding Etag:" + brTag + " =bytes"},
			{"§13.1.5: not of another one", "GET page.html Range:bytes=-5 If-Range:" + brTag, "200 =<p>identity"},
			{"§15.4.5: Vary in 304", "GET page.html Accept-Encoding:br If-None-Match:" + brTag, "304 Vary:Accept-Encoding Etag:" + brTag + " ="},
			{"a stale sibling is none", "GET stale.css Accept-Encoding:gzip", "200 -Content-Encoding -Vary =new"},
			{"neither link outside nor folder", "GET a.txt Accept-Encoding:br,␣gzip", "200 -Content-Encoding -Vary =" + digits},
			{"the sibling itself", "GET page.html.gz Accept-Encoding:gzip", "200 -Content-Encoding Content-Type:application/gzip =" + pageGzip},

			{"§15.5.5", "GET none", "404 -Cache-Control -Content-Disposition =Not Found\n"},
			{"dotfile", "GET .hidden", "404 =Not Found\n"},
			{"no listing", "GET sub/", "404 =Not Found\n"},
			{"§15.4.2", "GET sub", "301 Location:sub/"},
		} {
			method, rest, _ := strings.Cut(test.request, " ")
			path, rest, _ := strings.Cut(rest, " ")
			var header []string
			for f := range strings.FieldsSeq(rest) {
				name, value, _ := strings.Cut(f, ":")
				header = append(header, name, strings.ReplaceAll(value, "␣", " "))
			}
			res := get(t, client, method, url+path, header...)
			body := string(readAll(t, res.Body))
			if err := matches(res, body, test.want); err != "" {
				t.Errorf("%s: %s: %s", test.rule, test.request, err)
			}
		}
		// §8.8.2.1: never later than Date.
		res := get(t, client, "HEAD", url+"future.txt")
		last, err := http.ParseTime(res.Header.Get("Last-Modified"))
		if err != nil || last.After(time.Now()) {
			t.Errorf("Last-Modified of a file from the future: %v, %v", last, err)
		}
	})
}

// matches compares a response with "status Name:value -Name =body", "␣" for a space in
// a value.
func matches(res *http.Response, body, want string) string {
	head, wantBody, hasBody := strings.Cut(want, " =")
	if hasBody && body != wantBody {
		return fmt.Sprintf("%s: body %.100q, want %.100q", res.Status, body, wantBody)
	}
	fields := strings.Fields(head)
	if status := fmt.Sprint(res.StatusCode); status != fields[0] {
		return "status " + status + ", want " + fields[0]
	}
	for _, f := range fields[1:] {
		if name, absent := strings.CutPrefix(f, "-"); absent {
			if v, ok := res.Header[http.CanonicalHeaderKey(name)]; ok {
				return fmt.Sprintf("%s: %q, want none", name, v)
			}
			continue
		}
		name, value, _ := strings.Cut(f, ":")
		if got := res.Header.Get(name); got != strings.ReplaceAll(value, "␣", " ") {
			return fmt.Sprintf("%s: %s, want %s", name, got, value)
		}
	}
	return ""
}

// Somebody has to want them served.
func TestSiblingsAreNotServedByDefault(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.css", []byte("identity"))
	write(t, dir, "a.css.gz", []byte(gzipped(t, "identity")))
	url, client := serve(t, "h1", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{}))
	res := get(t, client, "GET", url+"a.css", "Accept-Encoding", "gzip")
	if err := matches(res, string(readAll(t, res.Body)), "200 -Content-Encoding -Vary =identity"); err != "" {
		t.Error(err)
	}
}
