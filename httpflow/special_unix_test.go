//go:build unix && !darwin

package httpflow_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/httpflow"
)

// A FIFO without a writer is not waited for.
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
	url, _ := serve(t, "h1", httpflow.FileServer(openRoot(t, dir), httpflow.FileServerOptions{}))
	for _, name := range append(names, "/") {
		if res, _ := raw(t, url, "GET "+name); res.StatusCode != 404 {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
	single, _ := serve(t, "h1", httpflow.File(fifo, httpflow.Options{}))
	if res, _ := raw(t, single, "GET /"); res.StatusCode != 404 {
		t.Errorf("as a single file: %s", res.Status)
	}
	folder, _ := serve(t, "h1", httpflow.File(dir, httpflow.Options{}))
	if res, _ := raw(t, folder, "GET /"); res.StatusCode != 404 {
		t.Errorf("a folder as a single file: %s", res.Status)
	}
}
