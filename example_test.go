package weir_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
)

// File to file: the output appears when all of it is there, and not before.
func Example() {
	dir, err := os.MkdirTemp("", "weir")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	log := filepath.Join(dir, "access.log")
	if err := os.WriteFile(log, []byte(strings.Repeat("GET / 200\n", 1000)), 0o666); err != nil {
		panic(err)
	}

	ctx := context.Background()
	report, err := sources.File(log).
		Via(stages.Gzip(6)).
		To(sinks.File(log + ".gz")).
		Run(ctx)
	fmt.Println(report.Nodes[0].Out, report.Nodes[1].Out < 100, err)
	// Output: 10000 true <nil>
}

// An http.Handler that is a flow: every request runs it anew. A failure in the
// middle breaks the response off, so that no client takes it for a whole one;
// before the first byte the handler may still answer with an error.
func Example_httpHandler() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, err := sources.Bytes([]byte("hello from a flow\n")).
			Via(stages.Gzip(6)).
			To(sinks.Response(w)).
			Run(r.Context())
		if err != nil {
			slog.Error("request", "path", r.URL.Path, "err", err)
			http.Error(w, "internal server error", http.StatusInternalServerError)
		}
	})

	server := httptest.NewServer(handler)
	defer server.Close()
	resp, err := http.Get(server.URL) // the client unpacks
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	fmt.Printf("%s%v\n", b, err)
	// Output:
	// hello from a flow
	// <nil>
}
