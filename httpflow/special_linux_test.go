package httpflow_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/internal/fusetest"
)

// To open a FIFO wakes its writer, who then gets SIGPIPE. So it is not opened at all.
func TestSpecialFilesAreNotOpened(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	watch, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(watch)
	if _, err := unix.InotifyAddWatch(watch, fifo, unix.IN_OPEN); err != nil {
		t.Fatal(err)
	}
	for _, h := range []struct {
		path string
		http.Handler
	}{
		{"/fifo", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{})},
		{"/", httpflow.File(fifo, httpflow.Options{})},
	} {
		url, _ := serve(t, "h1", h)
		if res, _ := raw(t, url, "GET "+h.path); res.StatusCode != 404 {
			t.Errorf("%s: %s", h.path, res.Status)
		}
		if _, err := unix.Read(watch, make([]byte, 4096)); !errors.Is(err, unix.EAGAIN) {
			t.Errorf("%s: it was opened (%v)", h.path, err)
		}
	}
}

// Where the first read fails, it is an error status, without the header of the content.
func TestPlainFileFailsBeforeTheFirstByte(t *testing.T) {
	dir, below := fusetest.Mount(t, fusetest.Options{Fail: fusetest.Refuse(syscall.EIO, fusetest.Read)})
	write(t, below, "a.mp3", random(100_000))
	name := filepath.Join(dir, "a.mp3")
	seen := make(outcomes, 1)
	srv := httptest.NewUnstartedServer(httpflow.File(name, httpflow.Options{CacheControl: "immutable", OnRequest: seen.on}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	for _, h2 := range []bool{false, true} {
		client := srv.Client()
		client.Transport.(*http.Transport).ForceAttemptHTTP2 = h2
		res := get(t, client, "GET", srv.URL)
		if b := readAll(t, res.Body); res.StatusCode != 500 || res.Header.Get("Cache-Control") != "" || string(b) != "Internal Server Error\n" {
			t.Errorf("%s, %v, %q", res.Status, res.Header, b)
		}
		if o := seen.next(t); !errors.Is(o.Err, syscall.EIO) || o.Status != 500 || o.ClientGone {
			t.Errorf("%+v", o)
		}
		client.CloseIdleConnections()
	}
}

// Files whose size is not that of their content are served whole, with the length that they have; what cannot be read is no
// empty file.
func TestFilesThatTheKernelMakesUp(t *testing.T) {
	for _, name := range []string{"/proc/version", "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/class/net/lo/address"} {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Logf("NOT RUN: %v", err)
			continue
		}
		url, client := serve(t, "h1", httpflow.File(name, httpflow.Options{}))
		for range 2 {
			res := get(t, client, "GET", url)
			if b := readAll(t, res.Body); res.StatusCode != 200 || res.ContentLength != int64(len(want)) || !bytes.Equal(b, want) {
				t.Errorf("%s: %s, length %d, %q", name, res.Status, res.ContentLength, b)
			}
		}
		res := get(t, client, "GET", url, "Range", "bytes=1-3", "If-Range", get(t, client, "HEAD", url).Header.Get("Etag"))
		if b := readAll(t, res.Body); res.StatusCode != 206 || !bytes.Equal(b, want[1:4]) {
			t.Errorf("%s: a range: %s, %q", name, res.Status, b)
		}
	}
	for _, name := range []string{"/proc/self/mem", "/proc/self/clear_refs"} {
		url, client := serve(t, "h1", httpflow.File(name, httpflow.Options{}))
		for _, method := range []string{"GET", "HEAD"} {
			if res := get(t, client, method, url); res.StatusCode < 400 {
				t.Errorf("%s %s: %s, length %d", method, name, res.Status, res.ContentLength)
			}
		}
	}
}

func TestDevicesAreNotFound(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mknod(filepath.Join(dir, "zero"), unix.S_IFCHR|0o644, int(unix.Mkdev(1, 5))); err != nil {
		t.Skipf("SKIPPED: cannot make a device: %v", err)
	}
	url, _ := serve(t, "h1", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{}))
	if res, _ := raw(t, url, "GET /zero"); res.StatusCode != 404 {
		t.Errorf("/dev/zero: %s", res.Status)
	}
}
