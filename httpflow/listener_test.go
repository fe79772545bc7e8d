package httpflow_test

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/weirflow/weir/httpflow"
)

func TestLimitListener(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			addr := "127.0.0.1:0"
			if network == "unix" {
				addr = filepath.Join(t.TempDir(), "s")
			}
			inner, err := net.Listen(network, addr)
			if err != nil {
				t.Skipf("SKIPPED: %v", err)
			}
			l := httpflow.LimitListener(inner, 2)
			accepted := make(chan net.Conn)
			failed := make(chan error, 1)
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						failed <- err
						return
					}
					accepted <- conn
				}
			}()
			for range 4 {
				conn, err := net.Dial(network, inner.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
			}
			first, second := <-accepted, <-accepted
			select {
			case <-accepted:
				t.Fatal("a third connection")
			case <-time.After(50 * time.Millisecond): // it would have been there at once
			}
			first.Close()
			first.Close() // counts once
			third := <-accepted
			select {
			case <-accepted:
				t.Fatal("a fourth connection")
			case <-time.After(50 * time.Millisecond):
			}
			if _, ok := third.(io.ReaderFrom); ok != (network == "tcp") {
				t.Errorf("%T: ReadFrom: %v", third, ok)
			}
			l.Close() // while Accept waits for room
			if err := <-failed; !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
			second.Close()
			third.Close()
		})
	}
}
