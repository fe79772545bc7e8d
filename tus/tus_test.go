package tus_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/transfer"
	"github.com/weirflow/weir/tus"
)

// quick retries without waiting.
func quick(o tus.Options) tus.Options {
	o.Retry.MaxWait = 1
	return o
}

func TestTus(t *testing.T) {
	for _, n := range []int{0, 1, 16 << 10, 16<<10 + 1, 100_000, 8 << 20, 8<<20 + 1, 17 << 20} {
		data := pattern(n)
		for _, protocol := range []string{"h1", "h2c"} {
			if n > 16<<20 && protocol != "h1" {
				continue
			}
			for _, promised := range []bool{true, false} {
				for _, checksums := range []string{"", "crc32,sha1"} {
					t.Run(fmt.Sprintf("%s/%d/promised=%v/%s", protocol, n, promised, checksums), func(t *testing.T) {
						store := &tusStore{checksums: checksums}
						srv, client := serve(t, protocol, store.ServeHTTP)
						size := int64(-1)
						if promised {
							size = int64(n)
						}
						var told string
						sink := tus.UploadWith(srv.URL+"/files", tus.Options{Client: client, OnCreate: func(url string) { told = url },
							Metadata: map[string]string{"filename": "a ü.bin", "filetype": "x/y", "empty": ""}})
						if _, err := stream(data, size, 100_001, nil).To(sink).Run(t.Context()); err != nil {
							t.Fatal(err)
						}
						noLeak(t)
						got, ok := store.published()
						if !ok {
							t.Fatal("nothing was completed")
						}
						same(t, "upload", data, got)
						if told != srv.URL+"/files/0" {
							t.Errorf("OnCreate was told %q", told)
						}
						if m := store.last().metadata; m != "empty,filename YSDDvC5iaW4=,filetype eC95" {
							t.Errorf("Upload-Metadata: %s", m)
						}
						if diff := cmp.Diff(tusRequests(n, promised), store.log()); diff != "" {
							t.Error(diff)
						}
					})
				}
			}
		}
	}
}

// tusRequests are the requests that an upload of n bytes takes.
func tusRequests(n int, promised bool) []string {
	if n == 0 {
		return []string{"POST"}
	}
	all, at := []string{"OPTIONS", "POST"}, 0
	for ; n-at > 8<<20; at += 8 << 20 {
		all = append(all, fmt.Sprintf("PATCH %d+%d", at, 8<<20))
	}
	if rest := n - at - 16<<10; rest > 0 {
		all = append(all, fmt.Sprintf("PATCH %d+%d", at, rest))
		at += rest
	}
	last := fmt.Sprintf("PATCH %d+%d", at, n-at)
	if !promised {
		last += fmt.Sprintf(" of %d", n)
	}
	return append(all, last)
}

// S21: a run that fails never completes an upload, and removes it or leaves it as it was told to.
func TestTusFailureIsNoEnd(t *testing.T) {
	for _, promised := range []bool{true, false} {
		for _, keep := range []bool{false, true} {
			for name := range uploads(tus.Upload(""), 1, promised) {
				t.Run(fmt.Sprintf("promised=%v/keep=%v/%s", promised, keep, name), func(t *testing.T) {
					sizes := truthSizes()
					if name == "source" || name == "sibling" {
						sizes = append([]int{9 << 20}, sizes...) // more than a segment
					}
					for _, n := range sizes {
						store := &tusStore{}
						srv, client := serve(t, "h1", store.ServeHTTP)
						p := uploads(tus.UploadWith(srv.URL, tus.Options{Client: client, Keep: keep}), n, promised)[name]
						if p == nil {
							continue
						}
						if _, err := testenv.Run(t.Context(), p); !errors.Is(err, errTest) && !errors.Is(err, io.ErrUnexpectedEOF) {
							t.Errorf("%d bytes: %v", n, err)
						}
						noLeak(t)
						if data, ok := store.published(); ok {
							t.Errorf("%d bytes: %d were completed", n, len(data))
						}
						if open := store.open(); len(open) > 0 && !keep {
							t.Errorf("%d bytes: %d uploads are left", n, len(open))
						}
						if keep && store.removed > 0 {
							t.Errorf("%d bytes: the upload was removed", n)
						}
					}
				})
			}
		}
	}
}

// broken breaks the connection off, without an answer.
func broken(http.ResponseWriter) { panic(http.ErrAbortHandler) }

// What a server may do in the middle.
func TestTusGoesOn(t *testing.T) {
	answer := func(status int, header ...string) func(*tusStore, http.ResponseWriter, *http.Request) {
		return func(_ *tusStore, w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
		}
	}
	for name, f := range map[string]func(*tusStore, http.ResponseWriter, *http.Request){
		"408": answer(408), "409": answer(409), "423": answer(423), "425": answer(425), "500": answer(500), "503": answer(503, "Retry-After", "1"),
		"429":       answer(429, "Retry-After", "9999"), // MaxWait is the limit
		"460":       answer(460),
		"closed":    func(_ *tusStore, w http.ResponseWriter, _ *http.Request) { broken(w) },
		"half":      func(s *tusStore, w http.ResponseWriter, r *http.Request) { s.part(r, 1000); broken(w) },
		"half, 500": func(s *tusStore, w http.ResponseWriter, r *http.Request) { s.part(r, 1000); w.WriteHeader(500) },
		"whole":     func(s *tusStore, w http.ResponseWriter, r *http.Request) { s.part(r, 1<<30); broken(w) },
		"partly": func(s *tusStore, w http.ResponseWriter, r *http.Request) {
			s.part(r, 1000)
			w.Header().Set("Upload-Offset", fmt.Sprint(len(s.last().data)))
			w.WriteHeader(204)
		},
		"not a byte": func(s *tusStore, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Upload-Offset", fmt.Sprint(len(s.last().data)))
			w.WriteHeader(204)
		},
		"lost length": func(s *tusStore, w http.ResponseWriter, r *http.Request) { s.lose(r); broken(w) },
	} {
		for _, protocol := range []string{"h1", "h2c"} {
			for _, size := range []int64{-1, 100_000} {
				for _, times := range []int{1, 4} {
					t.Run(fmt.Sprintf("%s/%s/%s/%d", protocol, name, known(size), times), func(t *testing.T) {
						store := &tusStore{}
						var again atomic.Int64
						store.fault = func(method string, n int, w http.ResponseWriter, r *http.Request) bool {
							if method == http.MethodOptions && n == 0 || method == http.MethodPost && n == 0 || method == http.MethodHead && n == 1 {
								broken(w)
							}
							if method == http.MethodPatch && (n < times || n > times && n <= 2*times) { // one gets through
								f(store, w, r)
								return true
							}
							return false
						}
						srv, client := serve(t, protocol, store.ServeHTTP)
						data := pattern(100_000)
						_, err := stream(data, size, 5000, nil).To(tus.UploadWith(srv.URL, quick(tus.Options{Client: client, Retry: transfer.Retry{
							Attempts: 7, // fewer than all
							OnRetry:  func(n int, wait time.Duration, cause error) { again.Add(1) },
						}}))).Run(t.Context())
						if err != nil {
							t.Fatal(err, store.log())
						}
						got, _ := store.published()
						same(t, "upload", data, got)
						if again.Load() == 0 && name != "partly" {
							t.Error("OnRetry was told nothing")
						}
						noLeak(t)
					})
				}
			}
		}
	}
}

// lose stores a request as it should be.
func (s *tusStore) lose(r *http.Request) {
	s.patch(discardAnswer{}, r, s.uploads[len(s.uploads)-1])
}

type discardAnswer struct{}

func (discardAnswer) Header() http.Header         { return http.Header{} }
func (discardAnswer) Write(b []byte) (int, error) { return len(b), nil }
func (discardAnswer) WriteHeader(int)             {}

// A line that breaks after so many bytes, and a server that keeps nothing of what it cannot verify:
// the requests get small enough.
func TestTusGetsSmaller(t *testing.T) {
	store := &tusStore{}
	store.fault = func(method string, _ int, w http.ResponseWriter, r *http.Request) bool {
		if method == http.MethodPatch && r.ContentLength > 300<<10 {
			broken(w)
		}
		return false
	}
	srv, client := serve(t, "h1", store.ServeHTTP)
	data := pattern(9 << 20)
	if _, err := stream(data, int64(len(data)), 70_000, nil).To(tus.UploadWith(srv.URL, quick(tus.Options{Client: client}))).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, _ := store.published()
	same(t, "upload", data, got)
	if n := len(store.log()); n > 300 {
		t.Errorf("it took %d requests", n)
	}
	noLeak(t)
}

// What ends an upload for good.
func TestTusRefused(t *testing.T) {
	status := func(method string, status int) func(string, int, http.ResponseWriter, *http.Request) bool {
		return func(m string, n int, w http.ResponseWriter, _ *http.Request) bool {
			if m == method && n == 0 {
				w.WriteHeader(status)
			}
			return m == method && n == 0
		}
	}
	header := func(method, key, value string, status int) func(string, int, http.ResponseWriter, *http.Request) bool {
		return func(m string, n int, w http.ResponseWriter, r *http.Request) bool {
			if m == method {
				io.Copy(io.Discard, r.Body)
				w.Header().Set(key, value)
				w.WriteHeader(status)
			}
			return m == method
		}
	}
	always := func(methods ...string) func(string, int, http.ResponseWriter, *http.Request) bool {
		return func(m string, n int, w http.ResponseWriter, _ *http.Request) bool {
			if strings.Contains(strings.Join(methods, " "), m) {
				w.WriteHeader(503)
				return true
			}
			return false
		}
	}
	for _, test := range []struct {
		name  string
		fault func(string, int, http.ResponseWriter, *http.Request) bool
		size  int64
		want  string
		left  int
	}{
		{"no such place", status("POST", 409), 20, "the server answered 409 Conflict", 0},
		{"post", status("POST", 413), 20, "the server answered 413 Request Entity Too Large", 0},
		{"patch", status("PATCH", 403), 20, "the server answered 403 Forbidden", 0},
		{"gone", status("PATCH", 410), 20, "the server answered 410 Gone", 0},
		{"cyclic redirect", header("POST", "Location", "/x", 307), 20, "the server answered 307 Temporary Redirect, a redirect to /x: not followed: it is redirect 11", 0},
		{"redirect that is a GET", header("POST", "Location", "/x", 302), 20, "the server answered 302 Found, a redirect to /x", 0},
		{"redirect elsewhere", header("PATCH", "Location", "ftp://x/y", 308), 20, "the server answered 308 Permanent Redirect, a redirect to ftp://x/y: not followed: want an http or https URL", 0},
		{"no location", header("POST", "X", "y", 201), 20, "the server does not speak tus 1.0", 0},
		{"not tus", header("POST", "Tus-Resumable", "", 200), 20, "the server does not speak tus 1.0", 0},
		{"location", header("POST", "Location", "ftp://x/y", 201), 20, `the new upload's Location "ftp://x/y": want an http or https URL`, 0},
		{"no offset", header("PATCH", "X", "y", 204), 20, "the server is at byte -1 of the upload: want 0 to 20", 0},
		{"too far", header("PATCH", "Upload-Offset", "21", 204), 20, "the server is at byte 21 of the upload: want 0 to 20", 0},
		{"no defer", header("OPTIONS", "Tus-Version", "1.0.0", 204), -1, "the server takes no upload of unknown length", 0},
		{"busy", always("PATCH"), 20, "the server answered 503 Service Unavailable (2 retries)", 0},
		{"busy post", always("POST"), 20, "the server answered 503 Service Unavailable (2 retries)", 0},
		{"busy delete", always("PATCH", "DELETE"), 20, "the server answered 503 Service Unavailable (2 retries); the upload $URL/files/0 is left behind: the server answered 503 Service Unavailable (2 retries)", 1},
		{"no termination", func(m string, n int, w http.ResponseWriter, r *http.Request) bool {
			return status("PATCH", 403)(m, n, w, r) || status("DELETE", 405)(m, n, w, r)
		}, 20, "the server answered 403 Forbidden", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := &tusStore{fault: test.fault}
			srv, client := serve(t, "h1", store.ServeHTTP)
			_, err := stream(pattern(20), test.size, 5, nil).To(tus.UploadWith(srv.URL, quick(tus.Options{Client: client, Retry: transfer.Retry{Attempts: 3}}))).Run(t.Context())
			want := "tus " + srv.URL + ": " + strings.ReplaceAll(test.want, "$URL", srv.URL)
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if strings.HasPrefix(test.name, "busy") {
				if e := (*transfer.NetworkError)(nil); !errors.As(err, &e) || e.Retries != 2 || e.Resumable {
					t.Errorf("got %#v", e)
				}
			}
			if _, ok := store.published(); ok || len(store.open()) != test.left {
				t.Errorf("completed: %v; %d uploads are left, want %d", ok, len(store.open()), test.left)
			}
			noLeak(t)
		})
	}
}

// Arguments show when the flow runs.
func TestTusArguments(t *testing.T) {
	for want, test := range map[string]struct {
		url  string
		opts tus.Options
	}{
		`tus: scheme "ftp": want http or https`:                                               {"ftp://x", tus.Options{}},
		`tus http://x/a: offset -1: want 0 or more bytes`:                                     {"http://u:p@x/a?secret", tus.Options{Offset: -1}},
		`tus http://x: offset 1: want Resume, the URL of the upload`:                          {"http://x", tus.Options{Offset: 1}},
		`tus http://x: resume: the URL has no host`:                                           {"http://x", tus.Options{Resume: "http:///a"}},
		`tus http://x: metadata key "a b": want ASCII without spaces and commas`:              {"http://x", tus.Options{Metadata: map[string]string{"a b": ""}}},
		`tus http://x: header "A": want no line breaks`:                                       {"http://x", tus.Options{Header: http.Header{"A": {"b\n"}}}},
		`tus http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused (1 retry)`: {"http://127.0.0.1:1", quick(tus.Options{Retry: transfer.Retry{Attempts: 2}})},
		`tus http://127.0.0.1:1/x: dial tcp 127.0.0.1:1: connect: connection refused`:         {"http://u:secret@127.0.0.1:1/x?secret", tus.Options{Retry: transfer.Retry{Attempts: 1}}},
	} {
		_, err := stream(pattern(5), 5, 5, nil).To(tus.UploadWith(test.url, test.opts)).Run(t.Context())
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		noLeak(t)
	}
}

// An upload on another host gets none of the caller's secrets.
func TestTusAnotherHost(t *testing.T) {
	store := &tusStore{}
	other, client := serve(t, "h1", store.ServeHTTP)
	srv, _ := serve(t, "h1", store.ServeHTTP)
	store.location = other.URL
	header := http.Header{"X-Api-Key": {"secret"}, "User-Agent": {"x"}}
	url := strings.Replace(srv.URL, "//", "//user:secret@", 1)
	if _, err := stream(pattern(50_000), 50_000, 5000, nil).To(tus.UploadWith(url, tus.Options{Client: client, Header: header})).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, request := range store.log() {
		h, patch := store.headers[i], strings.HasPrefix(request, "PATCH")
		if (h.Get("X-Api-Key") == "") != patch || (h.Get("Authorization") == "") != patch || h.Get("User-Agent") != "x" {
			t.Errorf("%s: %v", request, h)
		}
	}
}

// A run goes on where another one has failed.
func TestTusResume(t *testing.T) {
	data := pattern(9 << 20)
	for _, size := range []int64{-1, int64(len(data))} {
		for _, before := range []int64{0, 1, 5000, 1 << 20} { // bytes that the second stream begins too early
			t.Run(fmt.Sprintf("%s/%d", known(size), before), func(t *testing.T) {
				store := &tusStore{}
				srv, client := serve(t, "h1", store.ServeHTTP)
				var url string
				opts := quick(tus.Options{Client: client, Keep: true, OnCreate: func(u string) { url = u }})
				_, err := stream(data, size, 70_000, func(context.Context) error { return errTest }).To(tus.UploadWith(srv.URL, opts)).Run(t.Context())
				if !errors.Is(err, errTest) {
					t.Fatal(err)
				}
				offset, length, err := tus.Offset(t.Context(), url, opts)
				if err != nil || offset != 8<<20 || length != size {
					t.Fatalf("offset %d, length %d, %v", offset, length, err)
				}
				opts.Resume, opts.Offset = url, offset-before
				rest := size
				if size >= 0 {
					rest -= opts.Offset
				}
				if _, err := stream(data[opts.Offset:], rest, 70_000, nil).To(tus.UploadWith(srv.URL, opts)).Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				got, _ := store.published()
				same(t, "upload", data, got)
				// Once more: there is nothing to do.
				if _, err := stream(data[opts.Offset:], rest, 70_000, nil).To(tus.UploadWith(srv.URL, opts)).Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				got, _ = store.published()
				same(t, "upload", data, got)
				noLeak(t)
			})
		}
	}
}

// A stream that cannot continue the upload changes nothing.
func TestTusResumeRefused(t *testing.T) {
	for _, test := range []struct {
		length       int64 // of the upload
		offset, n    int
		size         int64
		want         string
		lengthBecame int64
	}{
		{100, 51, 49, 49, "the server has 50 bytes of the upload: the stream must begin there or before, not at byte 51", 100},
		{100, 50, 51, 51, "the upload has 100 bytes, with the stream it would have 101", 100},
		{100, 50, 51, -1, "unexpected EOF: more than the 100 bytes of the upload", 100},
		{100, 50, 49, -1, "truncated: got 99 of 100 bytes", 100},
		{100, 50, 0, -1, "truncated: got 50 of 100 bytes", 100},
		{-1, 20, 10, -1, "the server has more of the upload: truncated: got 30 of 50 bytes", -1},
		{-1, 50, 0, -1, "", 50},
		{50, 50, 0, -1, "", 50},
		{50, 0, 50, 50, "", 50},
	} {
		store := &tusStore{uploads: []*tusStored{{data: pattern(50), length: test.length}}}
		srv, client := serve(t, "h1", store.ServeHTTP)
		_, err := stream(pattern(test.n), test.size, 20, nil).To(tus.UploadWith(srv.URL, tus.Options{Client: client, Resume: srv.URL + "/files/0", Offset: int64(test.offset)})).Run(t.Context())
		if test.want == "" && err != nil || test.want != "" && (err == nil || err.Error() != "tus "+srv.URL+": "+test.want) {
			t.Errorf("%+v: got %v", test, err)
		}
		if u := store.last(); u.gone || len(u.data) != 50 || u.length != test.lengthBecame {
			t.Errorf("%+v: it has %d bytes of %d, gone: %v", test, len(u.data), u.length, u.gone)
		}
	}
}

func TestTusSupport(t *testing.T) {
	store := &tusStore{checksums: "sha1,md5"}
	srv, client := serve(t, "h1", store.ServeHTTP)
	got, err := tus.Support(t.Context(), srv.URL, tus.Options{Client: client})
	want := tus.Server{Extensions: []string{"creation", "creation-defer-length", "termination", "checksum"}, Checksums: []string{"sha1", "md5"}, MaxSize: 1 << 30}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for _, status := range []int{200, 204, 404, 405, 501} {
		plain, client := serve(t, "h1", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if _, err := tus.Support(t.Context(), plain.URL, tus.Options{Client: client}); !errors.Is(err, tus.ErrUnsupported) {
			t.Errorf("%d: %v", status, err)
		}
		if _, _, err := tus.Offset(t.Context(), plain.URL, quick(tus.Options{Client: client})); err == nil {
			t.Errorf("%d: it has an offset", status)
		}
	}
	var requests atomic.Int64
	busy, client := serve(t, "h1", func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.WriteHeader(500)
	})
	_, err = tus.Support(t.Context(), busy.URL, tus.Options{Client: client})
	if e := (*transfer.NetworkError)(nil); !errors.As(err, &e) || requests.Load() != 1 {
		t.Errorf("500: %v after %d requests", err, requests.Load())
	}
	_, err = tus.Support(t.Context(), "http://127.0.0.1:1", tus.Options{})
	if e := (*transfer.NetworkError)(nil); errors.Is(err, tus.ErrUnsupported) || !errors.As(err, &e) {
		t.Errorf("no server: %v", err)
	}
	noLeak(t)
}

// The last step ends with Context too, and the upload is removed all the same.
func TestTusContextOfTheLastStep(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	store := &tusStore{fault: func(method string, n int, w http.ResponseWriter, r *http.Request) bool {
		if method != http.MethodPatch {
			return false
		}
		io.Copy(io.Discard, r.Body)
		cancel(errTest)
		<-r.Context().Done()
		return true
	}}
	srv, client := serve(t, "h1", store.ServeHTTP)
	_, err := stream(pattern(50), 50, 5, nil).To(tus.UploadWith(srv.URL, tus.Options{Client: client, Context: ctx})).Run(t.Context())
	if !errors.Is(err, errTest) || store.removed != 1 {
		t.Errorf("got %v; %d removed", err, store.removed)
	}
	noLeak(t)
}

func TestTusConforms(t *testing.T) {
	var stores sync.Map // a request of a run that was cancelled may come late
	n := 0
	srv, client := serve(t, "h1", func(w http.ResponseWriter, r *http.Request) {
		path, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		store, _ := stores.Load(path)
		store.(*tusStore).ServeHTTP(w, r)
	})
	pipetest.TestSinkWith(t, func(testing.TB) pipetest.Target {
		n++
		name := fmt.Sprint(n)
		store := &tusStore{location: "/" + name}
		stores.Store(name, store)
		return pipetest.Target{
			Sink:      tus.UploadWith(srv.URL+"/"+name, tus.Options{Client: client}),
			Published: store.published,
			Debris: func() error {
				if open := store.open(); len(open) > 0 {
					return fmt.Errorf("%d uploads: %v", len(open), store.log())
				}
				return nil
			},
		}
	}, pipetest.SinkOptions{Idle: client.CloseIdleConnections, Blocked: func() pipeline.Sink {
		silent, _ := serve(t, "h1", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		return tus.UploadWith(silent.URL, tus.Options{Client: client})
	}})
}
