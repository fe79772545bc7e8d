package httpflow_test

import (
	"fmt"
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

func ExampleBytesWith() {
	h := httpflow.BytesWith("hello.txt", []byte("hello, world\n"), httpflow.FileOptions{
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
