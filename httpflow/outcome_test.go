package httpflow_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weirflow/weir/httpflow"
)

// One call for each request, whatever becomes of it.
func TestOnRequest(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		dir := t.TempDir()
		write(t, dir, "a.txt", []byte("0123456789"))
		seen := make(chan httpflow.Outcome, 1)
		var at string
		opts := httpflow.FileServerOptions{Options: httpflow.Options{OnRequest: func(r *http.Request, o httpflow.Outcome) {
			at = r.Method + " " + r.URL.Path
			seen <- o
		}}}
		url, client := serve(t, protocol, httpflow.FileServer(openRoot(t, dir), opts))
		for _, test := range []struct {
			method, path string
			header       []string
			want         httpflow.Outcome
		}{
			{"GET", "a.txt", nil, httpflow.Outcome{Status: 200, Bytes: 10}},
			{"HEAD", "a.txt", nil, httpflow.Outcome{Status: 200}},
			{"GET", "a.txt", []string{"Range", "bytes=1-3"}, httpflow.Outcome{Status: 206, Bytes: 3}},
			{"GET", "a.txt", []string{"If-None-Match", "*"}, httpflow.Outcome{Status: 304}},
			{"GET", "a.txt", []string{"Range", "bytes=10-"}, httpflow.Outcome{Status: 416, Bytes: 32}},
			{"GET", "none", nil, httpflow.Outcome{Status: 404, Bytes: 10}},
			{"GET", "..", nil, httpflow.Outcome{Status: 404, Bytes: 10}},
			{"PUT", "a.txt", nil, httpflow.Outcome{Status: 405, Bytes: 19}},
			{"OPTIONS", "a.txt", nil, httpflow.Outcome{Status: 204}},
		} {
			res := get(t, client, test.method, url+test.path, test.header...)
			if _, err := discard(res); err != nil {
				t.Error(err)
			}
			got := <-seen
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(httpflow.Outcome{}, "Elapsed")); diff != "" ||
				at != test.method+" /"+test.path || got.Elapsed <= 0 {
				t.Errorf("%s %s: %s, %v, %s", test.method, test.path, at, got.Elapsed, diff)
			}
		}
	})
}

// What the file is to blame for is not the client's doing, and the other way round.
func TestOutcomeOfFailures(t *testing.T) {
	each(t, func(t *testing.T, protocol string) {
		name := filepath.Join(t.TempDir(), "f")
		for _, test := range []struct {
			name  string
			cut   int64 // where the file is cut off
			leave bool
			left  bool
		}{{"the file shrinks", 300 << 10, false, false}, {"the client leaves", 64 << 20, true, true}} {
			if err := os.WriteFile(name, make([]byte, 64<<20), 0o600); err != nil {
				t.Fatal(err)
			}
			seen := make(chan httpflow.Outcome, 1)
			url, client := serve(t, protocol, httpflow.File(name, httpflow.Options{
				Via:       after(100<<10, func() error { return os.Truncate(name, test.cut) }),
				OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen <- o },
			}))
			res := get(t, client, "GET", url)
			if test.leave {
				if _, err := io.CopyN(io.Discard, res.Body, 1000); err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
			} else if n, err := discard(res); err == nil {
				t.Errorf("%s: %d bytes and no error", test.name, n)
			}
			o := <-seen
			if o.ClientGone != test.left || o.Status != 200 || o.Err == nil || errors.Is(o.Err, io.ErrUnexpectedEOF) == test.left {
				t.Errorf("%s: %+v", test.name, o)
			}
		}
	})
}
