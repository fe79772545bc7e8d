// Command receiver receives uploads into a directory, with the limits that pipe-demo serve has. It is
// a process of its own, without the race detector, so that its memory can be measured.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/weirflow/weir/httpflow"
)

func main() {
	fmt.Fprintln(os.Stderr, receive(os.Args[1]))
	os.Exit(1)
}

func receive(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s/\n", l.Addr())
	srv := &http.Server{
		Handler:           httpflow.Receiver(root, httpflow.ReceiverOptions{}),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
	}
	return srv.Serve(httpflow.LimitListener(l, 0))
}
