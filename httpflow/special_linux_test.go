package httpflow_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/httpflow"
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
		{"/", httpflow.File(fifo)},
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
