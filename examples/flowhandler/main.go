// Flowhandler answers each HTTP request with a flow of its own, which compresses what it makes while it makes
// it. When a flow fails, its client sees a broken response, never a short one that looks complete.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

// report is a source of lines; the last one fails on request.
func report(fail bool) pipeline.Source {
	return pipeline.NewSource("report", func(ctx context.Context, out *pipeline.Outlet) error {
		w := out.Writer(ctx)
		for i := range 100_000 {
			if _, err := fmt.Fprintf(w, "line %d\n", i); err != nil {
				return err
			}
		}
		if fail {
			return errors.New("the database is gone")
		}
		return w.Flush()
	})
}

func main() {
	log.SetFlags(0)
	handler := httpflow.Handler(func(r *http.Request) (pipeline.Source, error) {
		return report(r.URL.Path == "/fail"), nil
	}, httpflow.HandlerOptions{ContentType: "text/plain; charset=utf-8", Coding: "gzip", Encode: stages.Gzip(6)})
	server := httptest.NewServer(handler)
	defer server.Close()

	for _, path := range []string{"/report", "/fail"} {
		res, err := http.Get(server.URL + path)
		if err != nil {
			log.Fatal(err)
		}
		defer res.Body.Close()
		n, err := io.Copy(io.Discard, res.Body)
		fmt.Println(path, res.StatusCode, n == 1_088_890, err == nil)
	}
}

// Output:
// /report 200 true true
// /fail 200 false false
