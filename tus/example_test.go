package tus_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"os"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/tus"
)

func ExampleUpload() {
	sink := tus.Upload("https://uploads.example/files/")
	_, err := sources.File("movie.mp4").To(sink).Run(context.Background())
	if err != nil {
		log.Fatal(err) // the server has removed what it had
	}
}

// A server of this module takes the upload, under the name that its metadata has.
func ExampleUploadWith() {
	dir, err := os.MkdirTemp("", "")
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

	_, err = sources.Bytes([]byte("hello, world\n")).To(tus.UploadWith(server.URL+"/", tus.Options{
		Metadata: map[string]string{"filename": "hello.txt"},
		OnCreate: func(string) { fmt.Println("created") }, // keep the URL to resume
	})).Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	b, err := os.ReadFile(dir + "/hello.txt")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(b))
	// Output:
	// created
	// hello, world
}
