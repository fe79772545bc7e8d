// Servedir serves a directory over HTTP, with byte ranges and conditions. This one requests from itself a part of
// a file, and ends.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/weirflow/weir/httpflow"
)

func main() {
	log.SetFlags(0)
	dir, err := os.MkdirTemp("", "servedir")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "hello.txt"), []byte("hello, world\n"), 0o666); err != nil {
		log.Fatal(err)
	}
	root, err := os.OpenRoot(dir) // no link and no .. leads out of it
	if err != nil {
		log.Fatal(err)
	}
	defer root.Close()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := http.Server{Handler: httpflow.FileServer(root, httpflow.FileServerOptions{}), ReadHeaderTimeout: time.Minute}
	go server.Serve(httpflow.LimitListener(listener, httpflow.MaxConnections))
	defer server.Close()

	req, _ := http.NewRequest(http.MethodGet, "http://"+listener.Addr().String()+"/hello.txt", nil)
	req.Header.Set("Range", "bytes=7-")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	fmt.Printf("%s, %s, %q, %v\n", res.Status, res.Header.Get("Content-Range"), body, err)
}

// Output:
// 206 Partial Content, bytes 7-12/13, "world\n", <nil>
