// Resume downloads from a server whose connections keep breaking. Each time the download is resumed
// where it was, if the server proves that it still has the same file.
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/transfer"
)

// breaking lets a handler send n bytes in each response, and breaks the connection then.
type breaking struct {
	http.ResponseWriter
	n int
}

func (w *breaking) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b[:min(len(b), w.n)])
	if w.n -= n; n < len(b) && err == nil {
		panic(http.ErrAbortHandler)
	}
	return n, err
}

func main() {
	log.SetFlags(0)
	content, published := bytes.Repeat([]byte("weir "), 200_000), time.Now().Add(-time.Hour)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(&breaking{w, 400_000}, r, "file", published, bytes.NewReader(content))
	}))
	defer server.Close()

	var got bytes.Buffer
	_, err := sources.HTTPWith(server.URL, sources.HTTPOptions{
		Retry: transfer.Retry{
			MaxWait: time.Millisecond, // the default suits a network
			OnRetry: func(int, time.Duration, error) { fmt.Println("resuming") },
		},
	}).To(sinks.Buffer(&got)).Run(context.Background())
	fmt.Println(got.Len(), "bytes, all of them right:", bytes.Equal(got.Bytes(), content), err)
}

// Output:
// resuming
// resuming
// 1000000 bytes, all of them right: true <nil>
