//go:build unix

package httpflow_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/internal/testenv"
)

// Where there is no descriptor for a file, the request waits for one.
func TestWaitsForADescriptor(t *testing.T) {
	dir := t.TempDir()
	name := write(t, dir, "a/b.txt", []byte("content"))
	root := openRoot(t, dir)
	for what, test := range map[string]struct {
		handler http.Handler
		method  string
		path    string
		status  int
	}{
		"FileServer":         {httpflow.FileServer(root, httpflow.FileServerOptions{}), "GET", "/a/b.txt", 200},
		"FileServer's list":  {httpflow.FileServer(root, httpflow.FileServerOptions{List: true}), "GET", "/a/", 200},
		"File":               {httpflow.File(name, httpflow.Options{}), "GET", "/", 200},
		"Receiver, HEAD":     {httpflow.Receiver(root, httpflow.ReceiverOptions{}), "HEAD", "/a/b.txt", 200},
		"Receiver, PUT":      {httpflow.Receiver(root, httpflow.ReceiverOptions{}), "PUT", "/a/new", 201},
		"Receiver, replaces": {httpflow.Receiver(root, httpflow.ReceiverOptions{}), "PUT", "/a/old", 204},
	} {
		t.Run(what, func(t *testing.T) {
			write(t, dir, "a/old", []byte("old"))
			held := testenv.NoDescriptors(t)
			w := httptest.NewRecorder()
			done := make(chan struct{})
			go func() {
				defer close(done)
				test.handler.ServeHTTP(w, httptest.NewRequest(test.method, test.path, strings.NewReader("body")))
			}()
			select {
			case <-done:
				t.Errorf("%d at once", w.Code)
			case <-time.After(50 * time.Millisecond):
			}
			for _, f := range held[:8] {
				f.Close()
			}
			<-done
			if w.Code != test.status {
				t.Errorf("%d: %s", w.Code, w.Body)
			}
		})
	}
}

// It does not wait for ever, and the client is to try again.
func TestNoDescriptor(t *testing.T) {
	testenv.Long(t)
	dir := t.TempDir()
	write(t, dir, "a.txt", []byte("content"))
	root := openRoot(t, dir)
	for what, test := range map[string]struct {
		handler http.Handler
		method  string
	}{
		"FileServer": {httpflow.FileServer(root, httpflow.FileServerOptions{}), "GET"},
		"Receiver":   {httpflow.Receiver(root, httpflow.ReceiverOptions{}), "PUT"},
	} {
		t.Run(what, func(t *testing.T) {
			testenv.NoDescriptors(t)
			w := httptest.NewRecorder()
			test.handler.ServeHTTP(w, httptest.NewRequest(test.method, "/a.txt", strings.NewReader("body")))
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" {
				t.Errorf("%d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
			}
		})
	}
	if b, err := os.ReadFile(filepath.Join(dir, "a.txt")); err != nil || string(b) != "content" {
		t.Errorf("%q, %v", b, err)
	}
}
