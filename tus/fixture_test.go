package tus_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/transfer"
)

var errTest = errors.New("the disk is gone")

// serve starts a server on a real socket, and returns it with a client that speaks the protocol to it.
func serve(t testing.TB, protocol string, handler http.HandlerFunc) (*httptest.Server, *http.Client) {
	t.Helper()
	srv := httptest.NewUnstartedServer(handler)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	transport := &http.Transport{Protocols: new(http.Protocols), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ExpectContinueTimeout: 100 * time.Millisecond}
	switch protocol {
	case "h1":
		transport.Protocols.SetHTTP1(true)
		srv.Start()
	case "h1+tls":
		transport.Protocols.SetHTTP1(true)
		srv.StartTLS()
	case "h2":
		transport.Protocols.SetHTTP2(true)
		srv.EnableHTTP2 = true
		srv.StartTLS()
	case "h2c":
		transport.Protocols.SetUnencryptedHTTP2(true)
		srv.Config.Protocols = new(http.Protocols)
		srv.Config.Protocols.SetUnencryptedHTTP2(true)
		srv.Config.Protocols.SetHTTP1(true)
		srv.Start()
	default:
		t.Fatalf("protocol %q", protocol)
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.CloseClientConnections()
		srv.Close()
	})
	return srv, &http.Client{Transport: transport}
}

// pattern returns n bytes in which every position is different from its neighbourhood.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8*13 + i>>16)
	}
	return b
}

// stream sends data in pieces, promises size unless it is negative, and then returns what after does.
func stream(data []byte, size int64, piece int, after func(ctx context.Context) error) pipeline.Source {
	return pipeline.NewSource("stream", func(ctx context.Context, out *pipeline.Outlet) error {
		if size >= 0 {
			out.SetSize(size)
		}
		for b := data; len(b) > 0; {
			n := min(piece, len(b))
			c := pipeline.NewChunk(n)
			copy(c.Bytes(), b)
			if err := out.Send(ctx, c); err != nil {
				return err
			}
			b = b[n:]
		}
		if after == nil {
			return nil
		}
		return after(ctx)
	})
}

// failIdle fails when the sink has dealt with all that was sent, and waits for more. The flow is one that
// [testenv.Run] runs.
func failIdle(ctx context.Context) error {
	testenv.AwaitIdle(ctx)
	return errTest
}

// failing is a sink that reads everything and fails.
func failing(failure error) pipeline.Sink {
	return pipeline.NewSink("failing", func(ctx context.Context, in *pipeline.Inlet) error {
		if err := in.CopyTo(ctx, io.Discard); err != nil {
			return err
		}
		return failure
	})
}

// noLeak fails the test if a goroutine of the module is left. It is for after Run, when there must be none.
func noLeak(t testing.TB) {
	t.Helper()
	var mine []string
	for range 100 { // one that has just told its group that it is done may still be on its way out
		buf := make([]byte, 1<<20)
		buf = buf[:runtime.Stack(buf, true)]
		mine = mine[:0]
		for _, g := range strings.Split(string(buf), "\n\n")[1:] { // the first is this one
			if strings.Contains(g, "weir/pipeline.") || strings.Contains(g, "weir/sinks.") || strings.Contains(g, "weir/internal/") {
				mine = append(mine, g)
			}
		}
		if len(mine) == 0 {
			return
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines left:\n%s", len(mine), strings.Join(mine, "\n\n"))
}

// same compares long byte slices.
func same(t testing.TB, what string, want, got []byte) {
	t.Helper()
	if !bytes.Equal(want, got) {
		i := 0
		for i < min(len(want), len(got)) && want[i] == got[i] {
			i++
		}
		t.Errorf("%s: %d bytes, want %d; they differ from byte %d on", what, len(got), len(want), i)
	}
}

func known(size int64) string {
	if size < 0 {
		return "unknown"
	}
	return fmt.Sprint(size)
}

// truthSizes are the sizes, in bytes, at which a transfer is made to fail.
func truthSizes() []int {
	if testing.Short() {
		return []int{0, 1, 16 << 10, 64 << 10}
	}
	return []int{0, 1, 100, 2048, 4096, 6200, 16 << 10, 16<<10 + 1, 64 << 10, 1 << 20}
}

// uploads are flows of n bytes that fail when all of them were sent.
func uploads(sink pipeline.Sink, n int, promised bool) map[string]*pipeline.Pipeline {
	size := func(s int) int64 {
		if promised {
			return int64(s)
		}
		return -1
	}
	fail := func(context.Context) error { return errTest }
	data := pattern(n)
	flows := map[string]*pipeline.Pipeline{
		"source":     stream(data, size(n+1), 5000, fail).To(sink),
		"late":       stream(data, size(n), 5000, fail).To(sink),
		"sibling":    stream(data, size(n), 5000, nil).To(pipeline.Tee(sink, failing(errTest))),
		"panic":      stream(data, size(n), 5000, func(context.Context) error { panic(errTest) }).To(sink),
		"concat":     pipeline.Concat(stream(data, -1, 5000, nil), stream(nil, -1, 1, fail)).To(sink),
		"besteffort": stream(data, size(n), 5000, fail).To(pipeline.Tee(pipeline.BestEffort(sink))),
		"pause":      stream(data, size(n), 5000, failIdle).To(sink),
	}
	if promised {
		flows["short"] = stream(data, size(n+1), 5000, nil).To(sink)
		if n > 0 {
			flows["long"] = stream(data, size(n-1), 5000, nil).To(sink)
		}
	}
	return flows
}

func wantTimeout(t *testing.T, err error, limit string, network bool) {
	t.Helper()
	var e *transfer.TimeoutError
	var n *transfer.NetworkError
	if !errors.As(err, &e) || e.Limit != limit || errors.As(err, &n) != network || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the limit %s", err, limit)
	}
}
