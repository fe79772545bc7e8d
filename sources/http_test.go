package sources_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/transfer"
)

func TestHTTP(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, protocol := range protocols {
		for _, n := range []int{0, 1, 16<<10 - 1, 16 << 10, 16<<10 + 1, 300_000} {
			for _, known := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%d/known=%v", protocol, n, known), func(t *testing.T) {
					want := text(n)
					srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
						// RFC 9110 section 12.5.3: no coding is asked for, and section 14.2: nor a
						// range.
						if r.Method != "GET" || r.Header.Get("Accept-Encoding") != "identity" || r.Header.Get("Range") != "" {
							t.Errorf("got %s %v", r.Method, r.Header)
						}
						if known {
							w.Header().Set("Content-Length", strconv.Itoa(n))
						}
						w.(http.Flusher).Flush()
						w.Write(want)
					})
					var told []sources.Remote
					source := sources.HTTPWith(srv.URL+"/a?b=c", sources.HTTPOptions{
						Client:   client,
						OnAnswer: func(r sources.Remote) { told = append(told, r) },
					})
					size := int64(n)
					if !known {
						size = -1
					}
					for range 2 {
						g := fetch(t.Context(), source)
						if g.err != nil || g.size != size && !(n == 0 && !known) {
							t.Errorf("promised %d, %v", g.size, g.err)
						}
						if err := same(want, []byte(g.data)); err != nil {
							t.Error(err)
						}
					}
					if len(told) != 2 || told[0].Size != size || told[0].URL != srv.URL+"/a?b=c" || told[0].Header.Get("Date") == "" {
						t.Errorf("told %+v", told)
					}
				})
			}
		}
	}
}

func TestHTTPConforms(t *testing.T) {
	want := text(100_000)
	for _, protocol := range []string{"h1", "h2"} {
		t.Run(protocol, func(t *testing.T) {
			srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/blocked" {
					w.(http.Flusher).Flush()
					<-r.Context().Done()
					return
				}
				w.Write(want)
			})
			pipetest.TestSourceWith(t, func() pipeline.Source {
				return sources.HTTPWith(srv.URL, sources.HTTPOptions{Client: client})
			}, pipetest.SourceOptions{
				Idle: func() { client.CloseIdleConnections(); srv.CloseClientConnections() },
				Blocked: func() pipeline.Source {
					return sources.HTTPWith(srv.URL+"/blocked", sources.HTTPOptions{Client: client})
				},
			}, want)
		})
	}
}

// Without a client, the run has one of its own and leaves nothing of it.
func TestHTTPLeavesNoConnection(t *testing.T) {
	srv, _ := serve(t, "h1", func(w http.ResponseWriter, _ *http.Request) { w.Write(text(1000)) })
	t.Run("while the server is there", func(t *testing.T) {
		pipetest.NoLeaks(t)
		for range 3 {
			if g := fetch(t.Context(), sources.HTTP(srv.URL)); g.err != nil || g.data != string(text(1000)) {
				t.Errorf("got %d bytes, %v", len(g.data), g.err)
			}
		}
	})
	pipetest.NoLeaks(t)
	url, _ := listen(t, func(_ int, _ *http.Request, w net.Conn) { // it waits for ever
		io.WriteString(w, lines("HTTP/1.1 200 OK\nContent-Length: 10", "0123"))
		io.Copy(io.Discard, w)
	})
	if _, err := sources.HTTP(url).To(enough(4)).Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// S03: RFC 9112 section 8: a body without its last chunk, or shorter than Content-Length, is
// incomplete. No protocol's way of breaking off looks like an end.
func TestHTTPBrokenOff(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, protocol := range protocols {
		for _, length := range []string{"", "100000"} {
			t.Run(protocol+"/"+length, func(t *testing.T) {
				srv, client := serve(t, protocol, func(w http.ResponseWriter, _ *http.Request) {
					if length != "" {
						w.Header().Set("Content-Length", length)
					}
					w.Write(text(50_000))
					w.(http.Flusher).Flush()
					panic(http.ErrAbortHandler)
				})
				g := fetch(t.Context(), sources.HTTPWith(srv.URL, sources.HTTPOptions{Client: client}))
				e := as[*transfer.NetworkError](t, g.err)
				if g.data != "" || e.Resumable || e.Offset < int64(len(g.seen)) || !strings.HasPrefix(string(text(50_000)), g.seen) {
					t.Errorf("%d bytes published, %d seen, %+v", len(g.data), len(g.seen), e)
				}
			})
		}
	}
	for name, answer := range map[string]string{
		"length":             lines("HTTP/1.1 200 OK\nContent-Length: 10", "012345678"),
		"no last chunk":      lines("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "3\r\n012\r\n"),
		"half a last chunk":  lines("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "3\r\n012\r\n0\r\n"),
		"within a chunk":     lines("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", "5\r\n012"),
		"nothing at all":     "",
		"within the headers": "HTTP/1.1 200 OK\r\nContent-Le",
	} {
		url, _ := listen(t, answers(answer))
		g := fetch(t.Context(), sources.HTTPWith(url, quick(sources.HTTPOptions{})))
		if e := as[*transfer.NetworkError](t, g.err); g.data != "" || e.Err == nil {
			t.Errorf("%s: got %q, %v", name, g.data, g.err)
		}
	}
}

// RFC 9112 section 8: a body with neither chunks nor Content-Length counts as complete when the
// connection ends without an error.
func TestHTTPWithoutLength(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, head := range []string{"HTTP/1.0 200 OK", "HTTP/1.1 200 OK\nConnection: close"} {
		url, s := listen(t, answers(lines(head, "0123")))
		if g := fetch(t.Context(), sources.HTTP(url)); g.err != nil || g.data != "0123" || g.size != -1 {
			t.Errorf("%s: %+v", head, g)
		}
		g := fetch(t.Context(), sources.HTTPWith(url, quick(sources.HTTPOptions{RequireLength: true})))
		if !errors.Is(g.err, sources.ErrNoLength) || g.seen != "" || len(s.requests()) != 2 {
			t.Errorf("%s: %+v", head, g)
		}
		// A digest is a proof too.
		sum := sha256.Sum256([]byte("01234"))
		g = fetch(t.Context(), sources.HTTPWith(url, sources.HTTPOptions{Hash: sha256.New, Sum: sum[:]}))
		if as[*transfer.DigestError](t, g.err); g.data != "" {
			t.Errorf("%s: %+v", head, g)
		}
	}
	// A reset is an error, and no end.
	url, _ := listen(t, func(_ int, _ *http.Request, w net.Conn) {
		io.WriteString(w, lines("HTTP/1.0 200 OK", "0123"))
		w.(*net.TCPConn).SetLinger(0)
	})
	if g := fetch(t.Context(), sources.HTTPWith(url, quick(sources.HTTPOptions{}))); g.data != "" || g.err == nil {
		t.Errorf("after a reset: %+v", g)
	}
}

// RFC 9110 section 12.5.3: a server may send a coding that was not asked for. What comes is emitted as it is.
func TestHTTPCoding(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, protocol := range protocols {
		srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Encoding"] = strings.Split(r.URL.Path[1:], "+")
			w.Header().Set("ETag", `"a"`)
			io.WriteString(w, "weir")
		})
		for path, want := range map[string]string{"gzip": "gzip", "X-Gzip": "x-gzip", "aws-chunked": "aws-chunked", "gzip+br": "gzip, br", "Identity": "", "": ""} {
			var told sources.Remote
			g := fetch(t.Context(), sources.HTTPWith(srv.URL+"/"+path, sources.HTTPOptions{Client: client, OnAnswer: func(r sources.Remote) { told = r }}))
			if g.err != nil || g.data != "weir" || told.Validator.Coding != want {
				t.Errorf("%s, %q: %+v, coding %q, want %q", protocol, path, g, told.Validator.Coding, want)
			}
		}
	}
}

// RFC 9110 section 15.3: every success is one, and a 206 that was not asked for only if it has the whole file.
func TestHTTPOtherSuccess(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, tt := range []struct{ status, body, want string }{
		{"201 Created\nContent-Length: 4", "0123", "0123"},
		{"202 Accepted\nContent-Length: 4", "0123", "0123"},
		{"203 Non-Authoritative Information\nContent-Length: 4", "0123", "0123"},
		{"204 No Content", "", ""},
		{"205 Reset Content\nContent-Length: 0", "", ""},
		{"226 IM Used\nContent-Length: 4", "0123", "0123"},
		{"299 X\nTransfer-Encoding: chunked", "4\r\n0123\r\n0\r\n\r\n", "0123"},
		{"206 X\nContent-Range: bytes 0-3/4\nContent-Length: 4", "0123", "0123"},
		{"206 X\nContent-Range: bytes 0-3/4\nTransfer-Encoding: chunked", "4\r\n0123\r\n0\r\n\r\n", "0123"},
		{"206 X\nContent-Range: bytes 0-3/5\nContent-Length: 4", "0123", "no"},
		{"206 X\nContent-Range: bytes 1-3/4\nContent-Length: 3", "123", "no"},
		{"206 X\nContent-Range: bytes 0-3/*\nContent-Length: 4", "0123", "no"},
		{"206 X\nContent-Range: bytes 0-3/4\nContent-Length: 5", "01234", "no"},
		{"206 X\nContent-Range: bytes */4\nContent-Length: 4", "0123", "no"},
		{"206 X\nContent-Length: 4", "0123", "no"},
	} {
		url, _ := listen(t, answers(lines("HTTP/1.1 "+tt.status, tt.body)))
		g := fetch(t.Context(), sources.HTTP(url))
		if tt.want == "no" {
			if e := as[*transfer.StatusError](t, g.err); g.seen != "" || e.Status != 206 {
				t.Errorf("%s: %+v", tt.status, g)
			}
			continue
		}
		if g.err != nil || g.data != tt.want {
			t.Errorf("%s: %+v", tt.status, g)
		}
	}
}

// RFC 9112 section 3.2: no space in a request line but those two, from a URL as from a Location.
func TestHTTPRequestLine(t *testing.T) {
	pipetest.NoLeaks(t)
	url, s := listen(t, answers(lines("HTTP/1.1 302 Found\nLocation: /b?c=d \"e%2F\nContent-Length: 0", ""), lines("HTTP/1.1 200 OK\nContent-Length: 0", "")))
	if g := fetch(t.Context(), sources.HTTP(url+"/a b?c=d e%2f+ä")); g.err != nil {
		t.Fatal(g.err)
	}
	var got []string
	for _, r := range s.requests() {
		got = append(got, r.RequestURI)
	}
	if diff := cmp.Diff([]string{"/file/a%20b?c=d%20e%2f+%C3%A4", "/b?c=d%20%22e%2F"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// What net/http cannot parse in a Location is escaped; what is no URL even so is refused, at once and without its query.
func TestHTTPLocation(t *testing.T) {
	pipetest.NoLeaks(t)
	for location, want := range map[string]string{
		"/a%zz": "/a%25zz", "/a\tb%2f%2F//%": "/a%09b%2f%2F//%25", "?c|d#e f": "/file?c%7Cd",
		"http://[::1/?secret": "", "http:/x?secret": "", "http://a b/?secret": "",
	} {
		url, s := listen(t, answers(lines("HTTP/1.1 302 Found\nLocation: "+location+"\nContent-Length: 0", ""), lines("HTTP/1.1 200 OK\nContent-Length: 0", "")))
		g := fetch(t.Context(), sources.HTTP(url))
		if want == "" {
			if !errors.Is(g.err, sources.ErrRedirect) || strings.Contains(g.err.Error(), "secret") || len(s.requests()) != 1 {
				t.Errorf("%q: %d requests, %v", location, len(s.requests()), g.err)
			}
			continue
		}
		if got := s.requests(); g.err != nil || len(got) != 2 || got[1].RequestURI != want {
			t.Errorf("%q: %v, %v; want %q", location, g.err, got, want)
		}
	}
}

// Why a download cannot be resumed is told as it is.
func TestRemoteNotResumable(t *testing.T) {
	const date, old, fresh = "Tue, 15 Nov 1994 08:12:31 GMT", "Tue, 15 Nov 1994 08:11:31 GMT", "Tue, 15 Nov 1994 08:12:00 GMT"
	for _, tt := range []struct {
		header string
		want   string
	}{
		{`ETag: "a"`, ""},
		{"Date: " + date + "\nLast-Modified: " + old, ""},
		{`ETag: W/"a"` + "\nLast-Modified: " + old, `the ETag W/"a" is a weak one`},
		{`ETag: a`, `the ETag "a" has no quotes`},
		{"ETag: \"a\"\nETag: \"b\"", "the server sent several ETags"},
		{"X: y", "the server sent no ETag and no Last-Modified"},
		{"Date: " + date + "\nLast-Modified: yesterday", `the Last-Modified "yesterday" is no date`},
		{"Last-Modified: " + old, "the server sent no Date to compare Last-Modified with"},
		{"Date: " + date + "\nLast-Modified: " + fresh, "the file was modified less than a minute before the answer, and there is no ETag"},
	} {
		url, _ := listen(t, answers(lines("HTTP/1.1 200 OK\nContent-Length: 0\n"+tt.header, "")))
		var told sources.Remote
		fetch(t.Context(), sources.HTTPWith(url, sources.HTTPOptions{OnAnswer: func(r sources.Remote) { told = r }}))
		if got := told.NotResumable(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.header, got, tt.want)
		}
	}
}

func TestHTTPStatus(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, tt := range []struct {
		status   int
		requests int
		missing  bool
	}{
		{206, 1, false}, {300, 1, false}, {304, 1, false}, {400, 1, false}, {401, 1, false}, {403, 1, false},
		{404, 1, true}, {410, 1, true}, {412, 1, false}, {416, 1, false}, {451, 1, false},
		{408, 3, false}, {425, 3, false}, {429, 3, false}, {500, 3, false}, {502, 3, false}, {503, 3, false}, {504, 3, false}, {599, 3, false},
	} {
		url, s := listen(t, answers(statusAnswer(tt.status)))
		g := fetch(t.Context(), sources.HTTPWith(url, quick(sources.HTTPOptions{Retry: transfer.Retry{Attempts: 3}})))
		e := as[*transfer.StatusError](t, g.err)
		var network *transfer.NetworkError
		if e.Status != tt.status || g.data != "" || len(s.requests()) != tt.requests ||
			errors.Is(g.err, fs.ErrNotExist) != tt.missing || errors.As(g.err, &network) != (tt.requests > 1) {
			t.Errorf("%d: %d requests, %v", tt.status, len(s.requests()), g.err)
		}
		if want := `: "because"`; tt.status >= 400 && !strings.Contains(g.err.Error(), want) {
			t.Errorf("%d: %v, want %s in it", tt.status, g.err, want)
		}
	}
}

// A server in trouble that recovers is no failure.
func TestHTTPRetriesStatus(t *testing.T) {
	pipetest.NoLeaks(t)
	busy := lines("HTTP/1.1 503 X\nContent-Length: 0", "")
	url, s := listen(t, answers(busy, "", busy, lines("HTTP/1.1 200 OK\nContent-Length: 4", "weir")))
	var attempts []int
	g := fetch(t.Context(), sources.HTTPWith(url, quick(sources.HTTPOptions{Retry: transfer.Retry{OnRetry: func(n int, _ time.Duration, cause error) {
		attempts = append(attempts, n)
		if cause == nil {
			t.Error("no cause")
		}
	}}})))
	if g.err != nil || g.data != "weir" || fmt.Sprint(attempts) != "[1 2 3]" || len(s.requests()) != 4 {
		t.Errorf("%+v, attempts %v", g, attempts)
	}
}

func TestHTTPArguments(t *testing.T) {
	pipetest.NoLeaks(t)
	tag := sources.Validator{ETag: `"a"`, Size: 10}
	for _, tt := range []struct {
		url  string
		o    sources.HTTPOptions
		want string
	}{
		{"ftp://user:secret@host/", sources.HTTPOptions{}, `http: scheme "ftp": want http or https`},
		{"http:///x", sources.HTTPOptions{}, "http: the URL has no host"},
		{"http://user:secret@ho st/", sources.HTTPOptions{}, `http: not a URL: invalid character " " in host name`},
		{"http://h/?secret", sources.HTTPOptions{Offset: -1}, "GET http://h/: offset -1: want 0 or more bytes"},
		{"http://h/", sources.HTTPOptions{Offset: 1}, "GET http://h/: offset 1: want a Validator with a strong ETag or a Last-Modified"},
		{"http://h/", sources.HTTPOptions{Offset: 1, Validator: sources.Validator{ETag: `W/"a"`}}, "GET http://h/: offset 1: want a Validator with a strong ETag or a Last-Modified"},
		{"http://h/", sources.HTTPOptions{Offset: 11, Validator: tag}, "GET http://h/: offset 11: want 0 to 10, the size of the file in bytes"},
		{"http://h/", sources.HTTPOptions{Hash: sha256.New}, "GET http://h/: a digest: want both Hash and Sum"},
		{"http://h/", sources.HTTPOptions{Sum: []byte{1}}, "GET http://h/: a digest: want both Hash and Sum"},
		{"http://h/", sources.HTTPOptions{Hash: sha256.New, Sum: []byte{1}, Offset: 1, Validator: tag}, "GET http://h/: a digest with offset 1: want Prior, the bytes before it"},
		{"http://h/", sources.HTTPOptions{Header: http.Header{"range": {"bytes=0-1"}}}, "GET http://h/: header Range: want none, the source sets it"},
		{"http://h/", sources.HTTPOptions{Header: http.Header{"X": {"a\r\nb"}}}, `GET http://h/: header "X": want no line breaks`},
	} {
		if g := fetch(t.Context(), sources.HTTPWith(tt.url, tt.o)); g.err == nil || g.err.Error() != tt.want {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.url, g.err, tt.want)
		}
	}
}

// Nothing that a URL or a header may keep secret is in a message.
func TestHTTPSecrets(t *testing.T) {
	pipetest.NoLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody is there
	url := "http://user:secret@" + l.Addr().String() + "/file?secret#secret"
	g := fetch(t.Context(), sources.HTTPWith(url, quick(sources.HTTPOptions{Header: http.Header{"X": {"secret"}}})))
	if e := as[*transfer.NetworkError](t, g.err); e.Retries != 5 || !e.Resumable || strings.Contains(g.err.Error(), "secret") {
		t.Errorf("got %v", g.err)
	}
	url, _ = listen(t, func(_ int, r *http.Request, w net.Conn) {
		if user, password, _ := r.BasicAuth(); user != "user" || password != "secret" || r.Host != "elsewhere" || r.Header.Get("X") != "y" {
			t.Errorf("got %v %s", r.Header, r.Host)
		}
		io.WriteString(w, lines("HTTP/1.1 404 Not Found\nContent-Length: 0", ""))
	})
	header := http.Header{"X": {"y"}, "Host": {"elsewhere"}}
	source := sources.HTTPWith(strings.Replace(url, "//", "//user:secret@", 1)+"?secret", sources.HTTPOptions{Header: header})
	header.Set("X", "changed") // too late
	ok, _ := listen(t, answers(lines("HTTP/1.1 200 OK\nContent-Length: 0", "")))
	fetch(t.Context(), sources.HTTPWith(strings.Replace(ok, "//", "//user:secret@", 1), sources.HTTPOptions{OnAnswer: func(r sources.Remote) {
		if r.URL != ok {
			t.Errorf("told %s", r.URL)
		}
	}}))
	g = fetch(t.Context(), source)
	if want := "GET " + url + ": the server answered 404 Not Found"; g.err == nil || g.err.Error() != want {
		t.Errorf("got  %v\nwant %s", g.err, want)
	}
}

// A run that ends interrupts a read, a wait for an answer and a wait for a retry at once.
func TestHTTPIsInterrupted(t *testing.T) {
	pipetest.NoLeaks(t)
	cause := errors.New("cause")
	for _, protocol := range protocols {
		for _, path := range []string{"/silent", "/body", "/busy"} {
			t.Run(protocol+path, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				srv, client := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					switch r.URL.Path {
					case "/body":
						w.(http.Flusher).Flush()
					case "/busy":
						w.Header().Set("Retry-After", "3600")
						w.WriteHeader(503)
						return
					}
					cancel(cause)
					<-r.Context().Done()
				})
				source := sources.HTTPWith(srv.URL+path, sources.HTTPOptions{Client: client, Retry: transfer.Retry{MaxWait: -1, OnRetry: func(int, time.Duration, error) { cancel(cause) }}})
				if g := fetch(ctx, source); g.err != cause {
					t.Errorf("got %v", g.err)
				}
			})
		}
	}
}

func statusAnswer(status int) string {
	head := fmt.Sprintf("HTTP/1.1 %d X\nConnection: close", status)
	if status == 204 || status == 304 { // RFC 9112 section 6.3: no body
		return lines(head, "")
	}
	return lines(head+"\nContent-Length: 9", "because\n2")
}
