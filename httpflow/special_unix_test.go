//go:build unix && !darwin

package httpflow_test

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/httpflow"
)

// Neither is a FIFO without a writer waited for, nor does one with a writer lose it.
func TestSpecialFilesAreNotFound(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	symlink(t, "fifo", filepath.Join(dir, "link"))
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	names := []string{"/fifo", "/link", "/socket", "/fifo/", "/index.html"}
	if err := os.Symlink("fifo", filepath.Join(dir, "index.html")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mknod(filepath.Join(dir, "zero"), syscall.S_IFCHR|0o644, int(unix.Mkdev(1, 5))); err != nil {
		t.Logf("SKIPPED the device: %v", err)
	} else {
		names = append(names, "/zero")
	}
	url, _ := serve(t, "h1", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{}))
	for _, name := range append(names, "/") {
		if res, _ := raw(t, url, "GET "+name); res.StatusCode != 404 {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
	opened := make(chan error, 1)
	go func() {
		f, err := os.OpenFile(fifo, os.O_WRONLY, 0)
		if err == nil {
			f.Close()
		}
		opened <- err
	}()
	for range 10 {
		if res, _ := raw(t, url, "GET /fifo"); res.StatusCode != 404 {
			t.Errorf("with a writer: %s", res.Status)
		}
	}
	select {
	case err := <-opened:
		t.Errorf("the FIFO was opened for reading: the writer is free, %v", err)
	default:
	}
	r, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	<-opened
	single, _ := serve(t, "h1", httpflow.File(fifo))
	if res, _ := raw(t, single, "GET /"); res.StatusCode != 404 {
		t.Errorf("as a single file: %s", res.Status)
	}
	folder, _ := serve(t, "h1", httpflow.File(dir))
	if res, _ := raw(t, folder, "GET /"); res.StatusCode != 404 {
		t.Errorf("a folder as a single file: %s", res.Status)
	}
}
