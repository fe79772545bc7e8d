//go:build unix

package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
)

// A plainServer stores what is PUT, and knows neither tus nor conditions. What it does otherwise is in fault, which
// reports whether it has answered.
type plainServer struct {
	*httptest.Server
	fault func(s *plainServer, n int, w http.ResponseWriter, r *http.Request) bool // n: of the method, from 0

	mu       sync.Mutex
	files    map[string][]byte
	requests []string
}

func newPlainServer(t *testing.T, fault func(s *plainServer, n int, w http.ResponseWriter, r *http.Request) bool) *plainServer {
	s := &plainServer{fault: fault, files: map[string][]byte{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func (s *plainServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	n := len(slices.DeleteFunc(slices.Clone(s.requests), func(line string) bool { return !strings.HasPrefix(line, r.Method+" ") }))
	s.requests = append(s.requests, r.Method+" "+r.RequestURI)
	s.mu.Unlock()
	if s.fault != nil && s.fault(s, n, w, r) {
		return
	}
	switch r.Method {
	case http.MethodHead, http.MethodGet:
		b, ok := s.file(r.URL.Path)
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(b)
	case http.MethodPut:
		if s.store(r) {
			w.WriteHeader(http.StatusCreated)
		}
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (s *plainServer) store(r *http.Request) bool {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[r.URL.Path] = b
	return true
}

func (s *plainServer) file(path string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.files[path]
	return b, ok
}

// count is how many requests of a method there were.
func (s *plainServer) count(method string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.requests {
		if strings.HasPrefix(line, method+" ") {
			n++
		}
	}
	return n
}

// putFrom runs put in a directory with a file "in", and returns its exit code and what it says.
func putFrom(t *testing.T, dir string, stdin []byte, args ...string) (code int, said string) {
	t.Helper()
	cmd := inUploads(dir, append([]string{"put"}, args...)...)
	cmd.Stdin = struct{ io.Reader }{bytes.NewReader(stdin)}
	out, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(out)
}

func newInput(t *testing.T, data []byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// With -n no server loses a file, whether it knows conditions or not.
func TestPutNoClobber(t *testing.T) {
	t.Parallel()
	type fault = func(s *plainServer, n int, w http.ResponseWriter, r *http.Request) bool
	status := func(method string, status int) fault {
		return func(_ *plainServer, _ int, w http.ResponseWriter, r *http.Request) bool {
			if r.Method == method {
				w.WriteHeader(status)
			}
			return r.Method == method
		}
	}
	both := func(a, b fault) fault {
		return func(s *plainServer, n int, w http.ResponseWriter, r *http.Request) bool {
			return a(s, n, w, r) || b(s, n, w, r)
		}
	}
	moved := func(method string, code int, to string) fault {
		return func(_ *plainServer, _ int, w http.ResponseWriter, r *http.Request) bool {
			if r.Method == method && r.URL.Path != to {
				w.Header().Set("Location", to)
				w.WriteHeader(code)
				return true
			}
			return false
		}
	}
	// appears has a file appear after the questions, and answers the PUT with status; it stores it unless that is 412.
	appears := func(status int) fault {
		return func(s *plainServer, _ int, w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPut {
				return false
			}
			if status == http.StatusPreconditionFailed {
				io.Copy(io.Discard, r.Body)
				s.mu.Lock()
				s.files[r.URL.Path] = []byte("old")
				s.mu.Unlock()
			} else {
				s.store(r)
			}
			w.WriteHeader(status)
			return true
		}
	}
	lost := func(stored bool, status int) fault {
		return func(s *plainServer, n int, w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPut || n > 0 {
				return false
			}
			if stored {
				s.store(r)
			} else {
				io.Copy(io.Discard, r.Body)
			}
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(status)
			return true
		}
	}
	const old, sent = "old", "new"
	for _, test := range []struct {
		name  string
		fault fault
		there bool
		code  int
		want  string // what is at the server in the end; "": nothing
		said  string
		puts  int
	}{
		{"exists", nil, true, 0, old, "/f: exists already, skipped\n", 0},
		{"new", nil, false, 0, sent, "/f: 3 B sent\n", 1},
		{"no HEAD, exists", status("HEAD", 405), true, 0, old, "skipped", 0},
		{"no HEAD, new", status("HEAD", 501), false, 0, sent, "sent", 1},
		{"HEAD forbidden, exists", status("HEAD", 403), true, 0, old, "skipped", 0},
		{"HEAD is 404, exists", status("HEAD", 404), true, 0, old, "skipped", 0},
		{"HEAD only, new", status("GET", 405), false, 0, sent, "sent", 1},
		{"HEAD only, exists", status("GET", 405), true, 0, old, "skipped", 0},
		{"empty file, ranges only", both(status("HEAD", 400), status("GET", 416)), true, 0, old, "skipped", 0},
		{"all is there", both(status("HEAD", 200), status("GET", 200)), false, 0, "", "skipped", 0},
		{"write only", both(status("HEAD", 403), status("GET", 405)), true, cli.ExitFailed, old, "/f, because the server does not say whether that exists: HEAD: the server answered 403 Forbidden; GET: the server answered 405 Method Not Allowed\n", 0},
		{"PUT only", both(status("HEAD", 405), status("GET", 405)), true, cli.ExitFailed, old, "GET: the server answered 405 Method Not Allowed\n", 0},
		{"login", both(moved("HEAD", 302, "/login"), moved("GET", 302, "/login")), true, cli.ExitFailed, old, "302 Found, a redirect to /login", 0},
		{"moved, exists", both(moved("HEAD", 301, "/g"), moved("GET", 308, "/g")), true, 0, old, "skipped", 0},
		{"moved, new", both(moved("HEAD", 301, "/new"), moved("GET", 307, "/new")), false, 0, sent, "sent", 1},
		{"appears, replaced, 204", appears(204), false, cli.ExitFailed, sent, "/f: the server answered 204 No Content, as for a file that was replaced: one that appeared just before may be lost\n", 1},
		{"appears, replaced, 200", appears(200), false, cli.ExitFailed, sent, "the server answered 200 OK, as for a file that was replaced", 1},
		{"appears, kept", appears(412), false, 0, old, "skipped", 1},
		{"condition fails for nothing", status("PUT", 412), false, cli.ExitExists, "", "the server answered 412", 1},
		{"busy", func(_ *plainServer, n int, w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPut || r.Method == http.MethodOptions || n > 0 {
				return false
			}
			w.WriteHeader(503)
			return true
		}, false, 0, sent, "the server answered 503 Service Unavailable; retry 1 in ", 1},
		{"answer lost", lost(true, 0), false, cli.ExitNetwork, sent, "the file exists now, perhaps by that attempt\n  compare it, or replace it without -n\n", 1},
		{"answer lost to a proxy", lost(true, 502), false, cli.ExitNetwork, sent, "502 Bad Gateway; the file exists now, perhaps by that attempt\n", 1},
		{"nothing stored", lost(false, 0), false, 0, sent, "sent", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, input := range []string{"in", "-"} {
				srv := newPlainServer(t, test.fault)
				if test.there {
					srv.files["/f"], srv.files["/g"] = []byte(old), []byte(old)
				}
				wanted, code, said, puts := test.want, test.code, test.said, test.puts
				if input == "-" && strings.Contains(test.name, "lost") || input == "-" && test.name == "nothing stored" {
					continue // it cannot be tried again
				}
				got, out := putFrom(t, newInput(t, []byte(sent)), []byte(sent), "-n", input, srv.URL+"/f")
				if b, _ := srv.file("/f"); got != code || string(b) != wanted || !strings.Contains(out, said) || srv.count("PUT") != puts || strings.Contains(out, "accepts no uploads") {
					t.Errorf("%s: exit code %d, want %d; the server has %q, want %q; %d PUT, want %d; said %q, want %q in it", input, got, code, b, wanted, srv.count("PUT"), puts, out, said)
				}
			}
		})
	}
}

// 307 and 308 have the file sent again, without what only the first host may see; the other redirects are errors.
func TestPutRedirects(t *testing.T) {
	t.Parallel()
	small, big := []byte("hello"), letters(3<<20)
	for _, test := range []struct {
		name   string
		code   int
		to     string // HERE is the same server, AWAY another one
		data   []byte
		stdin  bool
		want   int
		said   string
		secret string // user and password of the request that stores the file
	}{
		{"relative", 307, "../to/x?a=b c", small, false, 0, "/from/x: redirected to HERE/to/x\n", "user:secret"},
		{"same host", 308, "HERE/to/x", big, false, 0, "/from/x: 3.0 MiB sent\n", "user:secret"},
		{"another host", 307, "AWAY/to/x?sig=secret", big, false, 0, "redirected to AWAY/to/x\n", ""},
		{"another host and back", 308, "AWAY/back", small, false, 0, "redirected to HERE/to/x\n", ""},
		{"with a password", 307, "//a:b@HOST/to/x", small, false, 0, "redirected to HERE/to/x\n", "user:secret"},
		{"cyclic", 308, "/from/y", small, false, cli.ExitFailed, "PUT HERE/from/y: the server answered 308 Permanent Redirect, a redirect to /from/y: not followed: it is redirect 11\n", ""},
		{"elsewhere", 307, "ftp://host/x", small, false, cli.ExitFailed, "a redirect to ftp://host/x: not followed: want an http or https URL\n", ""},
		{"nowhere", 308, "", small, false, cli.ExitFailed, "the server answered 308 Permanent Redirect\n", ""},
		{"no URL", 308, "http://[", small, false, cli.ExitFailed, "the Location is not a URL", ""},
		{"stdin", 307, "AWAY/to/x", small, true, cli.ExitFailed, "a redirect to AWAY/to/x: the input cannot be read again to follow it\n", ""},
		{"301", 301, "AWAY/to/x?secret", small, false, cli.ExitFailed, "PUT HERE/from/x: the server answered 301 Moved Permanently, a redirect to AWAY/to/x\n", ""},
		{"302", 302, "/login", big, false, cli.ExitFailed, "the server answered 302 Found, a redirect to /login\n", ""},
		{"303", 303, "/done", small, false, cli.ExitFailed, "the server answered 303 See Other, a redirect to /done\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			stores := make(chan string, 10)
			store := func(s *plainServer, _ int, w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPut {
					user, password, _ := r.BasicAuth()
					stores <- strings.Trim(user+":"+password, ":")
				}
				return false
			}
			var here *plainServer
			away := newPlainServer(t, func(s *plainServer, n int, w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/back" {
					http.Redirect(w, r, here.URL+"/to/x", http.StatusTemporaryRedirect)
					return true
				}
				return store(s, n, w, r)
			})
			fill := func(s string) string {
				return strings.NewReplacer("HERE", here.URL, "AWAY", away.URL, "HOST", here.Listener.Addr().String()).Replace(s)
			}
			here = newPlainServer(t, func(s *plainServer, n int, w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/from/") {
					if test.to != "" {
						w.Header().Set("Location", fill(test.to))
					}
					w.WriteHeader(test.code)
					return true
				}
				return store(s, n, w, r)
			})
			input := "in"
			if test.stdin {
				input = "-"
			}
			got, out := putFrom(t, newInput(t, test.data), test.data, input, strings.Replace(here.URL, "//", "//user:secret@", 1)+"/from/x")
			if said := fill(test.said); got != test.want || !strings.Contains(out, said) || strings.Contains(out, "secret") {
				t.Errorf("exit code %d, want %d; said %q, want %q in it", got, test.want, out, said)
			}
			if here.count("GET")+away.count("GET") > 0 {
				t.Error("it became a GET")
			}
			if test.want != 0 {
				if len(stores) > 0 {
					t.Error("the file was sent")
				}
				if n := here.count("PUT"); test.name == "cyclic" && n != 11 {
					t.Errorf("%d requests, want 11", n)
				}
				return
			}
			b, ok := here.file("/to/x")
			if !ok {
				b, _ = away.file("/to/x")
			}
			if secret := <-stores; !bytes.Equal(b, test.data) || secret != test.secret {
				t.Errorf("%d bytes arrived, want %d; with the password %q, want %q", len(b), len(test.data), secret, test.secret)
			}
		})
	}
}

// A retry begins where the user has sent the file, and a redirect may come when part of it is sent.
func TestPutRedirectsAgain(t *testing.T) {
	t.Parallel()
	data := letters(3 << 20)
	srv := newPlainServer(t, func(s *plainServer, n int, w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Method != http.MethodPut:
			return false
		case r.URL.Path == "/x":
			io.CopyN(io.Discard, r.Body, 1<<20)
			http.Redirect(w, r, fmt.Sprintf("/node%d", n), http.StatusTemporaryRedirect)
		case r.URL.Path == "/node0":
			w.WriteHeader(503)
		default:
			return false
		}
		return true
	})
	code, out := putFrom(t, newInput(t, data), nil, "in", srv.URL+"/x")
	b, _ := srv.file("/node2")
	if code != 0 || !bytes.Equal(b, data) || !strings.Contains(out, "PUT "+srv.URL+"/node0: the server answered 503 Service Unavailable; retry 1 in ") {
		t.Errorf("exit code %d, %d bytes: %s", code, len(b), out)
	}
}

// A redirect from https to http is refused, and one to a server that proves nothing fails.
func TestPutRedirectsSecurely(t *testing.T) {
	t.Parallel()
	plain := newPlainServer(t, nil)
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.Method != http.MethodPut {
			w.WriteHeader(405)
			return
		}
		http.Redirect(w, r, plain.URL+"/x?secret", http.StatusPermanentRedirect)
	}))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // a client does not trust it
	secure.StartTLS()
	defer secure.Close()
	dir := newInput(t, []byte("hello"))
	certificate := filepath.Join(dir, "cert")
	if err := os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := inUploads(dir, "put", "in", secure.URL+"/x")
	cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+certificate)
	out, _ := cmd.CombinedOutput()
	want := "a redirect to " + plain.URL + "/x: not followed: it leads from https to http\n"
	if got := cmd.ProcessState.ExitCode(); got != cli.ExitFailed || !strings.Contains(string(out), want) || plain.count("PUT") > 0 {
		t.Errorf("exit code %d: %s", got, out)
	}
	strange := newPlainServer(t, func(_ *plainServer, _ int, w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			http.Redirect(w, r, secure.URL+"/x", http.StatusTemporaryRedirect)
		}
		return r.Method == http.MethodPut
	})
	code, said := putFrom(t, dir, nil, "in", strange.URL+"/x")
	if code != cli.ExitNetwork || !strings.Contains(said, "PUT "+secure.URL+"/x: ") || !strings.Contains(said, "certificate") || strange.count("PUT") != 1 {
		t.Errorf("exit code %d: %s", code, said)
	}
}

// OPTIONS is asked once, and whatever comes of it costs the PUT nothing.
func TestPutAsksOnce(t *testing.T) {
	t.Parallel()
	for _, answer := range []int{0, 200, 204, 301, 307, 403, 405, 429, 500, 503} {
		for _, retries := range []string{"0", "1"} {
			t.Run(fmt.Sprint(answer, "/", retries), func(t *testing.T) {
				t.Parallel()
				srv := newPlainServer(t, func(_ *plainServer, n int, w http.ResponseWriter, r *http.Request) bool {
					switch {
					case r.Method == http.MethodOptions && answer == 0:
						panic(http.ErrAbortHandler)
					case r.Method == http.MethodOptions && answer/100 == 3:
						http.Redirect(w, r, "/x", answer)
					case r.Method == http.MethodOptions:
						w.WriteHeader(answer)
					case r.Method == http.MethodPut && n == 0 && retries == "1":
						w.WriteHeader(503)
					default:
						return false
					}
					return true
				})
				code, out := putFrom(t, newInput(t, []byte("x")), nil, "--retries", retries, "in", srv.URL+"/x")
				if _, ok := srv.file("/x"); code != 0 || !ok || srv.count("OPTIONS") != map[bool]int{true: 11, false: 1}[answer == 307] {
					t.Errorf("exit code %d, %d OPTIONS: %s", code, srv.count("OPTIONS"), out)
				}
			})
		}
	}
}

// 417 has the request repeated without Expect, also when it comes late, and is no retry.
func TestPutExpectationFailed(t *testing.T) {
	t.Parallel()
	data := letters(3 << 20)
	for _, late := range []int64{0, 1 << 20} {
		srv := newPlainServer(t, func(_ *plainServer, n int, w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPut || r.Header.Get("Expect") == "" {
				return false
			}
			if late > 0 {
				io.CopyN(io.Discard, r.Body, late)
			}
			w.WriteHeader(417)
			return true
		})
		code, out := putFrom(t, newInput(t, data), nil, "--retries", "0", "in", srv.URL+"/x")
		if b, _ := srv.file("/x"); code != 0 || !bytes.Equal(b, data) || srv.count("PUT") != 2 || strings.Contains(out, "retry") {
			t.Errorf("exit code %d, %d bytes, %d PUT: %s", code, len(b), srv.count("PUT"), out)
		}
	}
}

// The answer has a limit of its own, and 1xx restarts it.
func TestPutAnswerTimeout(t *testing.T) {
	t.Parallel()
	dir := newInput(t, []byte("x"))
	silent := newPlainServer(t, func(_ *plainServer, _ int, _ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}
		return r.Method == http.MethodPut
	})
	code, out := putFrom(t, dir, nil, "--answer-timeout", "200ms", "--retries", "1", "in", silent.URL+"/x")
	if code != cli.ExitNetwork || !strings.Contains(out, "/x: at byte 1: no answer for 200ms (1 retry)\n") {
		t.Errorf("exit code %d: %s", code, out)
	}
	mute := newPlainServer(t, func(_ *plainServer, _ int, _ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodOptions {
			<-r.Context().Done()
		}
		return r.Method != http.MethodOptions
	})
	code, out = putFrom(t, dir, nil, "-n", "--timeout", "200ms", "--retries", "1", "in", mute.URL+"/x")
	want := []string{"pipe-demo: HEAD " + mute.URL + "/x: no progress for 200ms; retry 1 in ", "pipe-demo: HEAD " + mute.URL + "/x: no progress for 200ms (1 retry)\n"}
	if code != cli.ExitNetwork || !strings.Contains(out, want[0]) || !strings.Contains(out, want[1]) {
		t.Errorf("exit code %d: %s", code, out)
	}
	busy := newPlainServer(t, func(s *plainServer, _ int, w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			s.store(r)
			for range 100 { // three seconds
				w.WriteHeader(http.StatusProcessing)
				select {
				case <-r.Context().Done():
				case <-time.After(30 * time.Millisecond):
				}
			}
			w.WriteHeader(201)
		}
		return r.Method == http.MethodPut
	})
	code, out = putFrom(t, dir, nil, "--answer-timeout", "2s", "--retries", "0", "in", busy.URL+"/x")
	if code != 0 {
		t.Errorf("exit code %d: %s", code, out)
	}
}

// A name is escaped, and the rest of the URL stays as it is.
func TestPutNames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, url, want string }{
		{"in", "//dir//", "//dir//in"},
		{"in", "", "/in"},
		{"in", "/a%2Fb/../c/?q=a b&c", "/a%2Fb/../c/in?q=a%20b&c"},
		{"in", "/dir/x//y", "/dir/x//y"},
		{"in", "/a%2F", "/a%2F"},
		{"a b%20?c#d;e+f\n&\xff\u00e9..", "/up/", "/up/a%20b%2520%3Fc%23d%3Be+f%0A&%FF%C3%A9.."},
		{"...", "/up/", "/up/..."},
		{"-n:", "/up/", "/up/-n:"},
	} {
		srv := newPlainServer(t, nil)
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, test.name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		code, out := putFrom(t, dir, nil, "--", test.name, srv.URL+test.url)
		srv.mu.Lock()
		if got := srv.requests[len(srv.requests)-1]; code != 0 || got != "PUT "+test.want {
			t.Errorf("%q: exit code %d: got %s, want %s: %s", test.name, code, got, test.want, out)
		}
		srv.mu.Unlock()
	}
}

// Over HTTP/2 all of that is the same.
func TestPutOverHTTP2(t *testing.T) {
	t.Parallel()
	data := letters(3 << 20)
	for _, test := range []struct {
		path string
		code int
		said string
		puts int
	}{
		{"/307", 0, "redirected to ", 2},
		{"/417", 0, "sent", 2},
		{"/102", 0, "sent", 1},
		{"/half", 0, "redirected to ", 2},
		{"/403", cli.ExitFailed, "the server answered 403 Forbidden", 1},
		{"/503", 0, "the server answered 503 Service Unavailable; retry 1 in ", 2},
		{"/reset", 0, "; retry 1 in ", 2},
	} {
		t.Run(test.path, func(t *testing.T) {
			t.Parallel()
			var puts atomic.Int64
			stored := make(chan []byte, 1)
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPut {
					w.WriteHeader(405)
					return
				}
				if r.ProtoMajor != 2 {
					t.Errorf("%s", r.Proto)
				}
				first := puts.Add(1) == 1
				switch r.URL.Path {
				case "/307":
					http.Redirect(w, r, "/to", http.StatusTemporaryRedirect)
					return
				case "/half":
					io.CopyN(io.Discard, r.Body, 1<<20)
					http.Redirect(w, r, "/to", http.StatusPermanentRedirect)
					return
				case "/102":
					for range 20 {
						w.WriteHeader(102)
						time.Sleep(time.Millisecond)
					}
				case "/403":
					w.WriteHeader(403)
					return
				case "/417", "/503", "/reset":
					if !first {
						break
					}
					if r.URL.Path == "/reset" {
						io.Copy(io.Discard, r.Body)
						panic(http.ErrAbortHandler)
					}
					status, _ := strconv.Atoi(r.URL.Path[1:])
					w.WriteHeader(status)
					return
				}
				b, err := io.ReadAll(r.Body)
				if err == nil {
					stored <- b
					w.WriteHeader(201)
				}
			}))
			srv.EnableHTTP2 = true
			srv.StartTLS()
			defer srv.Close()
			dir := newInput(t, data)
			certificate := filepath.Join(dir, "cert")
			if err := os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := inUploads(dir, "put", "in", srv.URL+test.path)
			cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+certificate)
			out, _ := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != test.code || !strings.Contains(string(out), test.said) || puts.Load() != int64(test.puts) {
				t.Fatalf("exit code %d, %d PUT: %s", got, puts.Load(), out)
			}
			if test.code == 0 && !bytes.Equal(<-stored, data) {
				t.Error("other bytes arrived")
			}
		})
	}
}

// A server of tus that ignores conditions is asked as well, in the way that it understands.
func TestPutNoClobberTus(t *testing.T) {
	t.Parallel()
	for there, said := range map[bool]string{true: "/up/in: exists already, skipped\n", false: "/stored/0: 3 B sent\n"} {
		srv := newPlainServer(t, func(s *plainServer, _ int, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Tus-Resumable", "1.0.0")
			switch {
			case r.Method == http.MethodOptions:
				w.Header().Set("Tus-Version", "1.0.0")
				w.Header().Set("Tus-Extension", "creation")
			case r.Header.Get("Tus-Resumable") != "1.0.0":
				w.WriteHeader(412)
			case r.Method == http.MethodPost:
				w.Header().Set("Location", "/stored/0")
				w.WriteHeader(201)
			case r.Method == http.MethodPatch:
				s.store(r)
				w.Header().Set("Upload-Offset", "3")
				w.WriteHeader(204)
			case r.Method == http.MethodHead:
				return false
			default:
				w.WriteHeader(405)
			}
			return true
		})
		if there {
			srv.files["/up/in"] = []byte("old")
		}
		code, out := putFrom(t, newInput(t, []byte("new")), nil, "-n", "in", srv.URL+"/up/")
		if code != 0 || !strings.Contains(out, said) || (srv.count("POST") == 0) != there {
			t.Errorf("exists %v: exit code %d: %s", there, code, out)
		}
	}
}
