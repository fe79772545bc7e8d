package httpflow_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

func ExampleFileServer() {
	root, err := os.OpenRoot("/srv/music")
	if err != nil {
		log.Fatal(err)
	}
	defer root.Close()
	http.Handle("GET /music/", http.StripPrefix("/music", httpflow.FileServer(root, httpflow.FileServerOptions{})))
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", nil))
}

func ExampleBytesWith() {
	h := httpflow.BytesWith("hello.txt", []byte("hello, world\n"), httpflow.FileOptions{
		Via: stages.Limit(1 << 20), // bytes per second, for each client
		OnFlow: func(r *http.Request, report pipeline.Report, err error) {
			fmt.Println(r.Method, r.URL.Path, report.Nodes[0].Out, "bytes, error:", err)
		},
	})
	srv := httptest.NewServer(h)
	defer srv.Close()

	req, err := http.NewRequest("GET", srv.URL+"/hello.txt", nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Range", "bytes=7-")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, %s, %q\n", res.Status, res.Header.Get("Content-Range"), body)
	// Output:
	// GET /hello.txt 6 bytes, error: <nil>
	// 206 Partial Content, bytes 7-12/13, "world\n"
}
