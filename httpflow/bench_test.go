package httpflow_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/weirflow/weir/httpflow"
)

// The yardstick is http.FileServer, which on HTTP/1 has the kernel copy the file.
func BenchmarkFileServer(b *testing.B) {
	dir := b.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	for _, handler := range []struct {
		name string
		http.Handler
	}{
		{"weir", httpflow.FileServer(root, httpflow.FileServerOptions{})},
		{"std", http.FileServer(http.Dir(dir))},
	} {
		for _, size := range []struct {
			name  string
			bytes int
		}{{"1KiB", 1 << 10}, {"64KiB", 64 << 10}, {"64MiB", 64 << 20}} {
			b.Run("handler="+handler.name+"/size="+size.name, func(b *testing.B) {
				if err := os.WriteFile(filepath.Join(dir, "f.bin"), make([]byte, size.bytes), 0o600); err != nil {
					b.Fatal(err)
				}
				srv := httptest.NewServer(handler)
				defer srv.Close()
				b.SetBytes(int64(size.bytes))
				b.ReportAllocs()
				for b.Loop() {
					res, err := srv.Client().Get(srv.URL + "/f.bin")
					if err != nil {
						b.Fatal(err)
					}
					n, err := io.Copy(io.Discard, res.Body)
					res.Body.Close()
					if err != nil || n != int64(size.bytes) {
						b.Fatalf("%d bytes, %v", n, err)
					}
				}
			})
		}
	}
}
