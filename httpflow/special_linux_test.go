package httpflow_test

import (
	"errors"
	"io"
	"net/http"
	"os"
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

// Files of sysfs say that they have a page, and are shorter. Where the first read finds that out, it is an
// error status, without the header of the content.
func TestPlainFileFailsBeforeTheFirstByte(t *testing.T) {
	const name = "/sys/kernel/uevent_seqnum"
	if info, err := os.Stat(name); err != nil || info.Size() < 1000 {
		t.Skipf("NOT TESTED: %s: %v", name, err)
	}
	each(t, func(t *testing.T, protocol string) {
		seen := make(chan httpflow.Outcome, 1)
		url, client := serve(t, protocol, httpflow.File(name, httpflow.Options{
			CacheControl: "immutable", OnRequest: func(_ *http.Request, o httpflow.Outcome) { seen <- o },
		}))
		res := get(t, client, "GET", url)
		if b := readAll(t, res.Body); res.StatusCode != 500 || res.Header.Get("Cache-Control") != "" || string(b) != "Internal Server Error\n" {
			t.Errorf("%s, %v, %q", res.Status, res.Header, b)
		}
		if o := <-seen; !errors.Is(o.Err, io.ErrUnexpectedEOF) || o.Status != 500 || o.ClientGone {
			t.Errorf("%+v", o)
		}
	})
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
