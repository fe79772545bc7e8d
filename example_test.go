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

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/pipeline"
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

// An http.Handler that is a flow, run for every request. A failure in the
// middle breaks the response off, so that no client takes it for a whole one;
// before the first byte it is an error status.
func Example_httpHandler() {
	handler := httpflow.Handler(func(r *http.Request) (pipeline.Source, error) {
		return sources.Bytes([]byte("hello from a flow\n")).Via(stages.Gzip(6)), nil
	}, httpflow.HandlerOptions{
		Options: httpflow.Options{OnRequest: func(r *http.Request, o httpflow.Outcome) {
			if o.Err != nil {
				slog.Error("request", "path", r.URL.Path, "err", o.Err)
			}
		}},
		ContentType: "text/plain; charset=utf-8",
		Coding:      "gzip", // to clients that accept it, else a file
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
