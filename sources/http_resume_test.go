package sources_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/transfer"
)

// The first answer to these tests has four of ten bytes.
const firstHead = "HTTP/1.1 200 OK\nETag: \"a\"\nContent-Length: 10"

// RFC 9110 sections 13.1.5, 14.2, 14.4, 15.3.7 and 15.5.17: what continues a file.
func TestHTTPResume(t *testing.T) {
	pipetest.NoLeaks(t)
	const date = "Date: Tue, 15 Nov 1994 08:12:31 GMT\n"
	const dated = "HTTP/1.1 200 OK\n" + date + "Last-Modified: Tue, 15 Nov 1994 08:11:31 GMT\nContent-Length: 10"
	const chunked = "HTTP/1.1 200 OK\nETag: \"a\"\nTransfer-Encoding: chunked"
	for _, tt := range []struct {
		name   string
		first  string // headers; "" means firstHead
		second string
		body   string
		third  string // whole; "" means second again
		want   string // data; or
		reason string // of the ChangedError
	}{
		{name: "206", second: "206 X\nETag: \"a\"\nContent-Range: bytes 4-9/10\nContent-Length: 6", body: "456789", want: "0123456789"},
		{name: "206, chunked", second: "206 X\nETag: \"a\"\nContent-Range: bytes 4-9/10\nTransfer-Encoding: chunked", body: "6\r\n456789\r\n0\r\n\r\n", want: "0123456789"},
		{name: "206, until the connection ends", second: "206 X\nETag: \"a\"\nContent-Range: bytes 4-9/10", body: "456789", want: "0123456789"},
		{name: "206, unit in capitals", second: "206 X\nETag: \"a\"\nContent-Range: BYTES 4-9/10\nContent-Length: 6", body: "456789", want: "0123456789"},
		{name: "206 with a part, section 15.3.7", second: "206 X\nETag: \"a\"\nContent-Range: bytes 4-6/10\nContent-Length: 3", body: "456",
			third: lines("HTTP/1.1 206 X\nETag: \"a\"\nContent-Range: bytes 7-9/10\nContent-Length: 3", "789"), want: "0123456789"},
		{name: "206 that breaks too", second: "206 X\nETag: \"a\"\nContent-Range: bytes 4-9/10\nContent-Length: 6", body: "456",
			third: lines("HTTP/1.1 206 X\nETag: \"a\"\nContent-Range: bytes 7-9/10\nContent-Length: 3", "789"), want: "0123456789"},
		{name: "200, same strong ETag", second: "200 OK\nETag: \"a\"\nContent-Length: 10", body: "0123456789", want: "0123456789"},
		{name: "200, same strong ETag, chunked", second: "200 OK\nETag: \"a\"\nTransfer-Encoding: chunked", body: "a\r\n0123456789\r\n0\r\n\r\n", want: "0123456789"},
		{name: "203, same strong ETag", second: "203 X\nETag: \"a\"\nContent-Length: 10", body: "0123456789", want: "0123456789"},
		{name: "200, then 206", second: "200 OK\nETag: \"a\"\nContent-Length: 10", body: "01234",
			third: lines("HTTP/1.1 206 X\nETag: \"a\"\nContent-Range: bytes 5-9/10\nContent-Length: 5", "56789"), want: "0123456789"},
		{name: "size learned from 206", first: chunked, second: "206 X\nETag: \"a\"\nContent-Range: bytes 4-9/10\nContent-Length: 6", body: "456789", want: "0123456789"},
		{name: "416, complete", first: chunked, second: "416 X\nContent-Range: bytes */4\nContent-Length: 0", want: "0123"},
		{name: "206 of unknown length, 416", first: chunked, second: "206 X\nETag: \"a\"\nContent-Range: bytes 4-5/*\nContent-Length: 2", body: "45",
			third: lines("HTTP/1.1 416 X\nETag: \"a\"\nContent-Range: bytes */6\nContent-Length: 0", ""), want: "012345"},
		// Section 15.3.7: the answer to If-Range should leave Last-Modified out.
		{name: "date, 206", first: dated, second: "206 X\nContent-Range: bytes 4-9/10\nContent-Length: 6", body: "456789", want: "0123456789"},
		{name: "date, 206 with the date", first: dated, second: "206 X\nLast-Modified: Tue, 15 Nov 1994 08:11:31 GMT\nContent-Range: bytes 4-9/10\nContent-Length: 6", body: "456789", want: "0123456789"},

		{name: "date, 206 with another date", first: dated, second: "206 X\nLast-Modified: Tue, 15 Nov 1994 08:11:32 GMT\nContent-Range: bytes 4-9/10\nContent-Length: 6", body: "456789", reason: "its Last-Modified was"},
		{name: "date, 206 with an ETag", first: dated, second: "206 X\nETag: \"a\"\nContent-Range: bytes 4-9/10\nContent-Length: 6", body: "456789", reason: "its ETag was missing"},
		{name: "date, 200", first: dated, second: "200 OK\nLast-Modified: Tue, 15 Nov 1994 08:11:31 GMT\nContent-Length: 10", body: "0123456789", reason: "from the beginning"},
		{name: "206, other ETag", second: "206 X\nETag: \"b\"\nContent-Range: bytes 4-9/10\nContent-Length: 6", body: "456789", reason: "its ETag was"},
		{name: "206, weak ETag", second: "206 X\nETag: W/\"a\"\nContent-Range: bytes 4-9/10\nContent-Length: 6", body: "456789", reason: "its ETag was"},
		{name: "206, no ETag, section 15.3.7", second: "206 X\nContent-Range: bytes 4-9/10\nContent-Length: 6", body: "456789", reason: "is now missing"},
		{name: "206, other start", second: "206 X\nETag: \"a\"\nContent-Range: bytes 3-9/10\nContent-Length: 7", body: "3456789", reason: "from byte 3"},
		{name: "206, later start", second: "206 X\nETag: \"a\"\nContent-Range: bytes 5-9/10\nContent-Length: 5", body: "56789", reason: "from byte 5"},
		{name: "206, other length", second: "206 X\nETag: \"a\"\nContent-Range: bytes 4-9/11\nContent-Length: 6", body: "456789", reason: "it had 10 bytes and has now 11"},
		{name: "206, length withheld", second: "206 X\nETag: \"a\"\nContent-Range: bytes 4-9/*\nContent-Length: 6", body: "456789", reason: "does not say how many"},
		{name: "206 that lies about itself", second: "206 X\nETag: \"a\"\nContent-Range: bytes 4-9/10\nContent-Length: 3", body: "456", reason: "does not have the 3 bytes"},
		{name: "206 with more than it says", second: "206 X\nETag: \"a\"\nContent-Range: bytes 4-9/10\nTransfer-Encoding: chunked", body: "7\r\n456789x\r\n0\r\n\r\n", reason: "more bytes came"},
		{name: "206 without Content-Range", second: "206 X\nETag: \"a\"\nContent-Length: 6", body: "456789", reason: "says nothing"},
		{name: "206, two Content-Ranges", second: "206 X\nETag: \"a\"\nContent-Range: bytes 4-9/10\nContent-Range: bytes 4-9/10\nContent-Length: 6", body: "456789", reason: "says nothing"},
		{name: "206, last beyond the length, section 14.4", second: "206 X\nETag: \"a\"\nContent-Range: bytes 4-10/10\nContent-Length: 7", body: "456789x", reason: "says nothing"},
		{name: "206, multipart, section 15.3.7.2", second: "206 X\nETag: \"a\"\nContent-Type: multipart/byteranges; boundary=x\nContent-Length: 6", body: "--x--\n", reason: "says nothing"},
		{name: "206, unsatisfied", second: "206 X\nETag: \"a\"\nContent-Range: bytes */10\nContent-Length: 6", body: "456789", reason: "says nothing"},
		{name: "206, other unit", second: "206 X\nETag: \"a\"\nContent-Range: lines 4-9/10\nContent-Length: 6", body: "456789", reason: "says nothing"},
		{name: "206, overflow", second: "206 X\nETag: \"a\"\nContent-Range: bytes 4-9/18446744073709551626\nContent-Length: 6", body: "456789", reason: "says nothing"},
		{name: "206, another coding", second: "206 X\nETag: \"a\"\nContent-Encoding: gzip\nContent-Range: bytes 4-9/10\nContent-Length: 6", body: "456789", reason: "its Content-Encoding was"},
		{name: "200, another coding", second: "200 OK\nETag: \"a\"\nContent-Encoding: gzip\nContent-Length: 10", body: "0123456789", reason: "its Content-Encoding was"},
		{name: "200, other ETag", second: "200 OK\nETag: \"b\"\nContent-Length: 10", body: "0123456789", reason: "its ETag was"},
		{name: "200, weak ETag", second: "200 OK\nETag: W/\"a\"\nContent-Length: 10", body: "0123456789", reason: "its ETag was"},
		{name: "200, no ETag", second: "200 OK\nContent-Length: 10", body: "0123456789", reason: "is now missing"},
		{name: "200, other length", second: "200 OK\nETag: \"a\"\nContent-Length: 11", body: "0123456789x", reason: "has now 11"},
		{name: "200, too long", second: "200 OK\nETag: \"a\"\nTransfer-Encoding: chunked", body: "b\r\n0123456789x\r\n0\r\n\r\n", reason: "more bytes came"},
		{name: "200, shorter than what is there", first: chunked, second: "200 OK\nETag: \"a\"\nContent-Length: 3", body: "012", reason: "only 3"},
		{name: "204", second: "204 No Content\nETag: \"a\"", reason: "204 No Content"},
		{name: "416, incomplete", second: "416 X\nContent-Range: bytes */4\nContent-Length: 0", reason: "it has now 4 bytes"},
		{name: "416, other length", first: chunked, second: "416 X\nContent-Range: bytes */3\nContent-Length: 0", reason: "it has now 3 bytes"},
		{name: "416, silent", first: chunked, second: "416 X\nContent-Length: 0", reason: "does not say how many"},
		{name: "416, other ETag", first: chunked, second: "416 X\nETag: \"b\"\nContent-Range: bytes */4\nContent-Length: 0", reason: "its ETag was"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			head, body := tt.first, "0123"
			if head == "" {
				head = firstHead
			}
			if head == chunked {
				body = "4\r\n0123\r\n"
			}
			all := []string{lines(head, body), lines("HTTP/1.1 "+tt.second, tt.body)}
			if tt.third != "" {
				all = append(all, tt.third)
			}
			url, s := listen(t, answers(all...))
			retries := 0
			g := fetch(t.Context(), sources.HTTPWith(url, quick(sources.HTTPOptions{Retry: transfer.Retry{OnRetry: func(int, time.Duration, error) { retries++ }}})))
			reqs := s.requests()
			if len(reqs) != len(all) || retries == 0 {
				t.Errorf("%d requests, %d retries", len(reqs), retries)
			}
			if r := reqs[1]; r.Header.Get("Range") != "bytes=4-" || r.Header.Get("If-Range") == "" {
				t.Errorf("asked for %v", r.Header)
			}
			if tt.reason == "" {
				if g.err != nil || g.data != tt.want {
					t.Errorf("got %q, %v", g.data, g.err)
				}
				return
			}
			e := as[*sources.ChangedError](t, g.err)
			if !strings.Contains(e.Reason, tt.reason) || e.Offset < 4 || g.data != "" || !strings.HasPrefix("0123456789", g.seen) {
				t.Errorf("%q, %+v", g.seen, e)
			}
		})
	}
}

// RFC 9110 section 13.1.5: no weak tag in If-Range, and no date where there is any tag; section
// 8.8.2.2: when a date is strong.
func TestHTTPValidators(t *testing.T) {
	pipetest.NoLeaks(t)
	const old, date = "Last-Modified: Tue, 15 Nov 1994 08:11:31 GMT\n", "Date: Tue, 15 Nov 1994 08:12:31 GMT\n"
	for headers, want := range map[string]string{
		"ETag: \"a\"\n":              `"a"`,
		"ETag: \"\"\n":               `""`,
		"ETag: \"a\"\n" + old + date: `"a"`,
		old + date:                   "Tue, 15 Nov 1994 08:11:31 GMT",
		"Last-Modified: Tue, 15 Nov 1994 08:11:32 GMT\n" + date: "", // 59 s
		old:                                 "", // no Date
		"ETag: W/\"a\"\n" + old + date:      "",
		"ETag: a\n" + old + date:            "",
		"ETag: \"a b\"\n":                   "",
		"ETag: \"a\"b\"\n":                  "",
		"ETag: \"a\"\nETag: \"b\"\n":        "",
		"Last-Modified: yesterday\n" + date: "",
		"":                                  "",
	} {
		var told sources.Remote
		url, s := listen(t, answers(lines("HTTP/1.1 200 OK\n"+headers+"Content-Length: 10", "0123"), statusAnswer(400)))
		g := fetch(t.Context(), sources.HTTPWith(url, quick(sources.HTTPOptions{OnAnswer: func(r sources.Remote) { told = r }})))
		if told.Size != 10 || told.Validator.Size != 10 || told.Validator.ETag+told.Validator.LastModified != want || told.Validator.Resumable() != (want != "") {
			t.Errorf("%q: told %+v", headers, told.Validator)
		}
		if want == "" {
			if e := as[*transfer.NetworkError](t, g.err); e.Offset != 4 || e.Resumable || len(s.requests()) != 1 {
				t.Errorf("%q: %d requests, %+v", headers, len(s.requests()), e)
			}
		} else if as[*transfer.StatusError](t, g.err); s.requests()[1].Header.Get("If-Range") != want {
			t.Errorf("%q: asked for %v", headers, s.requests()[1].Header)
		}
	}
}

// Nothing has been emitted, so another version is as good.
func TestHTTPBeginsAnew(t *testing.T) {
	pipetest.NoLeaks(t)
	var told []string
	url, s := listen(t, answers(lines(firstHead, ""), lines("HTTP/1.1 200 OK\nETag: \"b\"\nContent-Length: 3", "abc")))
	g := fetch(t.Context(), sources.HTTPWith(url, quick(sources.HTTPOptions{OnAnswer: func(r sources.Remote) { told = append(told, r.Validator.ETag) }})))
	if g.err != nil || g.data != "abc" || g.size != 3 || fmt.Sprint(told) != `["a" "b"]` || s.requests()[1].Header.Get("Range") != "" {
		t.Errorf("%+v, told %v", g, told)
	}
}

// An earlier process has the first bytes.
func TestHTTPOffset(t *testing.T) {
	pipetest.NoLeaks(t)
	const want = "0123456789"
	modified := time.Date(1994, 11, 15, 8, 0, 0, 0, time.UTC)
	for _, protocol := range protocols {
		srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/tag" {
				w.Header().Set("ETag", `"a"`)
			}
			http.ServeContent(w, r, "", modified, strings.NewReader(want))
		})
		for path, v := range map[string]sources.Validator{
			"/tag":  {ETag: `"a"`},
			"/date": {LastModified: modified.Format(http.TimeFormat)},
		} {
			for offset := range int64(len(want) + 1) {
				for _, size := range []int64{0, int64(len(want))} {
					var told []sources.Remote
					v.Size = size
					g := fetch(t.Context(), sources.HTTPWith(srv.URL+path, sources.HTTPOptions{
						Client: client, Offset: offset, Validator: v, OnAnswer: func(r sources.Remote) { told = append(told, r) },
					}))
					v.Size = int64(len(want))
					if g.err != nil || g.data != want[offset:] || g.size != v.Size-offset || len(told) != 1 || told[0].Size != v.Size || told[0].Validator != v {
						t.Errorf("%s%s, offset %d, size %d: %+v, told %+v", protocol, path, offset, size, g, told)
					}
				}
			}
			v.ETag, v.LastModified = strings.Replace(v.ETag, "a", "b", 1), strings.Replace(v.LastModified, "94", "93", 1)
			g := fetch(t.Context(), sources.HTTPWith(srv.URL+path, sources.HTTPOptions{Client: client, Offset: 3, Validator: v}))
			if e := as[*sources.ChangedError](t, g.err); e.Offset != 3 || g.seen != "" {
				t.Errorf("%s%s: %+v", protocol, path, g)
			}
		}
	}
}

// A server that always breaks off within what is there already makes no progress, and does not get
// for ever.
func TestHTTPSkippingIsNoProgress(t *testing.T) {
	pipetest.NoLeaks(t)
	url, s := listen(t, answers(lines(firstHead, "01234"), lines(firstHead, "0123")))
	g := fetch(t.Context(), sources.HTTPWith(url, quick(sources.HTTPOptions{Retry: transfer.Retry{Attempts: 4}})))
	if e := as[*transfer.NetworkError](t, g.err); e.Offset != 5 || e.Retries != 3 || !e.Resumable || len(s.requests()) != 4 || !errors.Is(e, io.ErrUnexpectedEOF) {
		t.Errorf("%d requests, %+v", len(s.requests()), e)
	}
}

// Each byte of progress resets the count.
func TestHTTPProgressResetsTheCount(t *testing.T) {
	pipetest.NoLeaks(t)
	url, s := listen(t, func(n int, _ *http.Request, w net.Conn) {
		switch {
		case n == 0:
			io.WriteString(w, lines(firstHead, "0"))
		case n%2 == 1:
		default:
			io.WriteString(w, lines(fmt.Sprintf("HTTP/1.1 206 X\nETag: \"a\"\nContent-Range: bytes %d-9/10\nContent-Length: %d", n/2, 10-n/2), fmt.Sprint(n/2)))
		}
	})
	g := fetch(t.Context(), sources.HTTPWith(url, quick(sources.HTTPOptions{Retry: transfer.Retry{Attempts: 3}})))
	if g.err != nil || g.data != "0123456789" || len(s.requests()) != 19 {
		t.Errorf("%d requests, %+v", len(s.requests()), g)
	}
}

// An answer that ends in order, with less than it said, is broken all the same (RFC 9112 section 8
// knows only its framing).
func TestHTTPResumeTooShort(t *testing.T) {
	pipetest.NoLeaks(t)
	const chunked = "HTTP/1.1 200 OK\nETag: \"a\"\nTransfer-Encoding: chunked"
	const partial = "HTTP/1.1 206 X\nETag: \"a\"\nContent-Range: bytes 4-9/10\nTransfer-Encoding: chunked"
	for name, all := range map[string][]string{
		"206, empty":                    {lines(firstHead, "0123"), lines(partial, "0\r\n\r\n")},
		"206":                           {lines(firstHead, "012"), lines(firstHead, "0123"), lines(partial, "0\r\n\r\n")},
		"200, within what is there":     {lines(chunked, "4\r\n0123\r\n"), lines(chunked, "3\r\n012\r\n0\r\n\r\n")},
		"200, empty":                    {lines(chunked, "4\r\n0123\r\n"), lines(chunked, "0\r\n\r\n")},
		"200, up to what is there":      {lines(firstHead, "0123"), lines(chunked, "4\r\n0123\r\n0\r\n\r\n")},
		"200, less than the known size": {lines(firstHead, "0123"), lines(chunked, "3\r\n012\r\n0\r\n\r\n")},
	} {
		url, s := listen(t, answers(all...))
		g := fetch(t.Context(), sources.HTTPWith(url, quick(sources.HTTPOptions{Retry: transfer.Retry{Attempts: 3}})))
		e := as[*transfer.NetworkError](t, g.err)
		if g.data != "" || !errors.Is(e, io.ErrUnexpectedEOF) || e.Offset != 4 || e.Retries != 2 {
			t.Errorf("%s: %d requests, %+v", name, len(s.requests()), g)
		}
	}
}
