// Upload sends a stream to a server that receives into a directory. A file appears there when the upload is
// complete; an upload that fails leaves nothing.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

func main() {
	log.SetFlags(0)
	dir, err := os.MkdirTemp("", "upload")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	root, err := os.OpenRoot(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer root.Close()
	server := httptest.NewServer(httpflow.Receiver(root, httpflow.ReceiverOptions{}))
	defer server.Close()

	broken := pipeline.NewSource("broken", func(context.Context, *pipeline.Outlet) error {
		return errors.New("the tape has torn")
	})
	for name, source := range map[string]pipeline.Source{
		"whole.bin":  sources.Bytes(make([]byte, 1_000_000)),
		"broken.bin": pipeline.Concat(sources.Bytes(make([]byte, 500_000)), broken),
	} {
		req, err := http.NewRequest(http.MethodPut, server.URL+"/"+name, nil)
		if err != nil {
			log.Fatal(err)
		}
		_, err = source.To(sinks.HTTP(http.DefaultClient, req)).Run(context.Background())
		log.Println(name, err)
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		info, _ := e.Info()
		fmt.Println(e.Name(), info.Size(), err)
	}
}

// Output:
// whole.bin 1000000 <nil>
