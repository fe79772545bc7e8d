package sources_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/transfer"
)

// cutter is a proxy that cuts connections.
type cutter struct {
	net.Listener
	to    string
	cuts  []int // after how many bytes of the answers; then no more
	piece int   // bytes per write
	reset bool  // instead of an end
	onCut func(n int)

	group sync.WaitGroup
	bytes int // of all answers
}

func (p *cutter) serve() {
	for n := 0; ; n++ {
		c, err := p.Accept()
		if err != nil {
			return
		}
		p.forward(n, c.(*net.TCPConn)) // one at a time, as the source does
	}
}

func (p *cutter) forward(n int, c *net.TCPConn) {
	defer c.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	p.group.Go(func() {
		io.Copy(struct{ io.Writer }{server}, struct{ io.Reader }{c})
		server.(*net.TCPConn).CloseWrite()
	})
	var answer io.Reader = server
	if n < len(p.cuts) {
		answer = io.LimitReader(server, int64(p.cuts[n]))
	}
	buf := make([]byte, p.piece)
	for {
		m, err := answer.Read(buf)
		c.Write(buf[:m])
		if p.bytes += m; err != nil {
			break
		}
	}
	if n < len(p.cuts) {
		p.onCut(n)
		if p.reset {
			c.SetLinger(0)
		}
	}
}

// Through a proxy that cuts, and with a file that changes once in between, what arrives is one
// version of the file, or an error that says that it has changed. The bytes that are sent again are
// bounded.
func TestHTTPCut(t *testing.T) {
	pipetest.NoLeaks(t)
	const header = 1000 // bytes of an answer's header, at most
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 60_000).Draw(t, "size")
		versions := [2][]byte{text(size), bytes.ToUpper(text(size))}
		if rapid.Bool().Draw(t, "other size") {
			versions[1] = bytes.ToUpper(text(size + 1))
		}
		kind := rapid.SampledFrom([]string{"strong", "weak", "date", "recent date", "no ranges"}).Draw(t, "kind")
		p := &cutter{
			cuts:  rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 1500), rapid.IntRange(0, 20_000)), 0, 12).Draw(t, "cuts"),
			piece: rapid.SampledFrom([]int{1 << 10, 7 << 10, 64 << 10}).Draw(t, "piece"),
			reset: rapid.Bool().Draw(t, "reset"),
		}
		change := rapid.IntRange(0, 12).Draw(t, "change after cut")
		chunked := rapid.Bool().Draw(t, "chunked")

		var version int
		var mu sync.Mutex
		p.onCut = func(n int) {
			mu.Lock()
			defer mu.Unlock()
			if n == change {
				version = 1
			}
		}
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			v := version
			mu.Unlock()
			var modified time.Time
			switch kind {
			case "strong", "no ranges":
				w.Header().Set("ETag", fmt.Sprintf(`"%d"`, v))
			case "weak":
				w.Header().Set("ETag", fmt.Sprintf(`W/"%d"`, v))
			case "date":
				modified = time.Now().Add(time.Duration(v-2) * time.Hour)
			case "recent date":
				modified = time.Now()
			}
			switch {
			case kind == "no ranges" && chunked:
				w.(http.Flusher).Flush()
				w.Write(versions[v])
			case kind == "no ranges":
				w.Header().Set("Content-Length", fmt.Sprint(len(versions[v])))
				w.Write(versions[v])
			default:
				http.ServeContent(w, r, "", modified, bytes.NewReader(versions[v]))
			}
		}))
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p.Listener, p.to = l, strings.TrimPrefix(srv.URL, "http://")
		p.group.Go(p.serve)
		attempts := 1
		g := fetch(t.Context(), sources.HTTPWith("http://"+l.Addr().String(), quick(sources.HTTPOptions{
			Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, Retry: transfer.Retry{Attempts: len(p.cuts) + 1 + 1, OnRetry: func(int, time.Duration, error) { attempts++ }},
		})))
		l.Close()
		p.group.Wait()
		srv.Close()

		again := 0
		if p.reset || kind == "no ranges" {
			for _, k := range p.cuts {
				again += k
			}
		}
		prefix := bytes.HasPrefix(versions[0], []byte(g.seen)) || bytes.HasPrefix(versions[1], []byte(g.seen))
		switch {
		case !prefix:
			t.Fatal("a mixture was emitted")
		case g.err == nil && g.data != string(versions[0]) && g.data != string(versions[1]):
			t.Fatal("a mixture was published")
		case g.err == nil:
		case kind == "weak" || kind == "recent date":
			if e := as[*transfer.NetworkError](t, g.err); e.Resumable {
				t.Fatal(g.err)
			}
		default:
			as[*sources.ChangedError](t, g.err)
			again += len(versions[1]) // the other version was on its way
			if change >= len(p.cuts) {
				t.Fatalf("it has not changed: %v", g.err)
			}
		}
		if most := size + 1 + again + attempts*header; p.bytes > most {
			t.Fatalf("%d bytes were sent for a file of %d in %d attempts, want at most %d", p.bytes, size, attempts, most)
		}
	})
}
