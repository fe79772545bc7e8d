package sources_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sources"
)

// answerer writes the answer to request number n, which counts from 0. The connection is closed
// afterwards.
type answerer func(n int, req *http.Request, w net.Conn)

// raw is a server that says anything. It counts the requests.
type raw struct {
	answer answerer
	mu     sync.Mutex
	reqs   []*http.Request
	group  sync.WaitGroup
}

func (s *raw) serve(c net.Conn) {
	defer c.Close()
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	s.mu.Lock()
	n := len(s.reqs)
	s.reqs = append(s.reqs, req)
	s.mu.Unlock()
	s.answer(n, req, c)
}

// requests returns what was asked so far.
func (s *raw) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*http.Request(nil), s.reqs...)
}

// listen serves on a real socket and returns the URL.
func listen(t testing.TB, answer answerer) (url string, s *raw) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = &raw{answer: answer}
	s.group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.group.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.group.Wait()
	})
	return "http://" + l.Addr().String() + "/file", s
}

// piped serves in memory, for bubbles of testing/synctest, and returns the client that reaches it.
func piped(t testing.TB, answer answerer) (*http.Client, *raw) {
	t.Helper()
	s := &raw{answer: answer}
	tr := &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		s.group.Go(func() { s.serve(server) })
		return client, nil
	}}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		s.group.Wait()
	})
	return &http.Client{Transport: tr}, s
}

// lines makes an answer: the status line and headers of head, separated by newlines, and a body.
func lines(head, body string) string {
	return strings.ReplaceAll(strings.TrimSpace(head), "\n", "\r\n") + "\r\n\r\n" + body
}

// answers gives the answers one after the other, and the last one again and again.
func answers(all ...string) answerer {
	return func(n int, _ *http.Request, w net.Conn) { io.WriteString(w, all[min(n, len(all)-1)]) }
}

// got is what a run of a source came to.
type got struct {
	data string // published
	seen string // by the sink, also when the run failed
	size int64  // promised
	err  error
}

func fetch(ctx context.Context, source pipeline.Source) (g got) {
	var c pipetest.Collector
	report, err := source.To(c.Sink()).Run(ctx)
	if n := len(report.Channels); n > 0 {
		g.size = report.Channels[n-1].Size
	}
	if o := c.Outcomes(); len(o) > 0 {
		g.seen = string(o[0].Data)
	}
	data, _ := c.Published()
	g.data, g.err = string(data), err
	return g
}

// fataler is a testing.TB or a rapid.T.
type fataler interface {
	Fatalf(format string, args ...any)
}

// as returns the error of type E in err, or fails.
func as[E error](t fataler, err error) (e E) {
	if !errors.As(err, &e) {
		t.Fatalf("got %v (%T), want a %T", err, errors.Unwrap(err), e)
	}
	return e
}

// quick retries without waiting.
func quick(o sources.HTTPOptions) sources.HTTPOptions {
	o.Retry.MaxWait = 1
	return o
}

// same reports how two byte strings differ without printing them.
func same(want, got []byte) error {
	if bytes.Equal(want, got) {
		return nil
	}
	i := 0
	for i < min(len(want), len(got)) && want[i] == got[i] {
		i++
	}
	return fmt.Errorf("%d bytes, want %d; they differ from byte %d on", len(got), len(want), i)
}

// dialTo connects to one of two addresses, whatever the name: the one for port 80, or that for all
// others.
func dialTo(addr map[bool]string) func(ctx context.Context, network, name string) (net.Conn, error) {
	return func(ctx context.Context, network, name string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr[!strings.HasSuffix(name, ":80")])
	}
}
