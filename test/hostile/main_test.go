// Package hostile_test has clients that mean no good, at the real pipe-demo serve: paths that lead
// out of the folder, and connections by the hundred that do nearly nothing.
package hostile_test

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/test/internal/command"
)

// receiverVariable has this binary receive uploads into a folder, instead of testing anything: what
// is measured of a server is measured of a process of its own.
const receiverVariable = "WEIR_HOSTILE_RECEIVER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(receiverVariable); dir != "" {
		fmt.Fprintln(os.Stderr, receive(dir))
		os.Exit(1)
	}
	// The attacks take their time with hardly any work: they run beside each other on any machine.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	os.Exit(command.Main(m))
}

// receive has the limits that pipe-demo serve has.
func receive(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
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
