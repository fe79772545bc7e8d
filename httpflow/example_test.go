package httpflow_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

func ExampleFileServer() {
	root, err := os.OpenRoot("/srv/music")
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("GET /music/", http.StripPrefix("/music", httpflow.FileServer(root, httpflow.FileServerOptions{})))
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", nil))
}

// What is served from a folder is also uploaded to it, by whom the password lets in.
func ExampleReceiver() {
	root, err := os.OpenRoot("/srv/music")
	if err != nil {
		log.Fatal(err)
	}
	receive := httpflow.Receiver(root, httpflow.ReceiverOptions{
		MaxSize: 2 << 30,
		OnRequest: func(r *http.Request, o httpflow.Outcome) {
			log.Println(r.Method, r.URL.Path, o.Status, o.Bytes, o.Err)
		},
	})
	http.Handle("GET /music/", http.StripPrefix("/music", httpflow.FileServer(root, httpflow.FileServerOptions{})))
	http.Handle("/upload/", http.StripPrefix("/upload", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != os.Getenv("UPLOAD_PASSWORD") {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		receive.ServeHTTP(w, r)
	})))
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", nil))
}

// One file, whatever the path of the request.
func ExampleFile() {
	http.Handle("GET /manual", httpflow.File("/usr/share/doc/manual.pdf", httpflow.Options{}))
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", nil))
}

func ExampleBytes() {
	h := httpflow.Bytes("hello.txt", []byte("hello, world\n"), httpflow.Options{
		Via: stages.Limit(1 << 20), // bytes per second, for each client
		OnFlow: func(r *http.Request, report pipeline.Report, err error) {
			fmt.Println(r.Method, r.URL.Path, report.Nodes[0].Out, "bytes, error:", err)
		},
	})

	r := httptest.NewRequest("GET", "/hello.txt", nil)
	r.Header.Set("Range", "bytes=7-")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Printf("%d, %s, %q\n", w.Code, w.Header().Get("Content-Range"), w.Body)
	// Output:
	// GET /hello.txt 6 bytes, error: <nil>
	// 206, bytes 7-12/13, "world\n"
}

// A flow runs for each request. Clients that accept gzip get the lines compressed, and a failure never
// looks like the end of them.
func ExampleHandler() {
	h := httpflow.Handler(func(r *http.Request) (pipeline.Source, error) {
		n, err := strconv.Atoi(r.FormValue("n"))
		if err != nil {
			return pipeline.Source{}, &httpflow.Error{Status: http.StatusBadRequest, Text: "n is how many lines"}
		}
		return pipeline.NewSource("lines", func(ctx context.Context, out *pipeline.Outlet) error {
			w := out.Writer(ctx)
			for i := range n {
				fmt.Fprintln(w, "line", i)
			}
			return w.Flush()
		}), nil
	}, httpflow.HandlerOptions{
		ContentType: "text/plain; charset=utf-8",
		Coding:      "gzip",
		Encode:      stages.Gzip(6),
	})

	server := httptest.NewServer(h)
	defer server.Close()
	for _, query := range []string{"?n=3", "?n=many"} {
		res, err := http.Get(server.URL + query) // asks for gzip, and decompresses
		if err != nil {
			log.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		fmt.Printf("%d %v %q %v\n", res.StatusCode, res.Uncompressed, b, err)
	}
	// Output:
	// 200 true "line 0\nline 1\nline 2\n" <nil>
	// 400 false "n is how many lines\n" <nil>
}
