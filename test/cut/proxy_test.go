//go:build unix

package cut_test

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// longest is how much of an answer the proxy forwards at most, in bytes.
const longest = 8 << 20

// A proxy forwards connections, one at a time as get makes them, slowly at times, and cuts them
// after a few MiB of the answer.
type proxy struct {
	net.Listener
	to     string
	random *rand.Rand
	gentle bool             // no resets: what was sent arrives
	during func(sent int64) // after each piece, of all answers so far; may be nil
	atCut  func(sent int64) // when a connection has been cut, before the next one; may be nil

	mu     sync.Mutex
	sent   int64
	cuts   int
	resets int // among the cuts
}

// start starts the proxy, which has its fields but for the listener.
func (p *proxy) start(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Listener = l
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.forward(conn.(*net.TCPConn))
		}
	})
	t.Cleanup(func() {
		l.Close()
		wait.Wait()
	})
}

// counts returns the bytes of all answers, headers included, how many were cut, and how many of
// these with a reset.
func (p *proxy) counts() (sent int64, cuts, resets int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent, p.cuts, p.resets
}

// forward passes a connection on until either side ends it or its time to be cut has come: at once,
// now and then, and otherwise after up to longest.
func (p *proxy) forward(client *net.TCPConn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	var wait sync.WaitGroup
	defer wait.Wait()
	defer server.Close()
	defer client.Close()
	deadline := time.Now().Add(2 * time.Minute)
	_, _ = client.SetDeadline(deadline), server.SetDeadline(deadline)
	wait.Go(func() { // requests; when the client has no more of them it is gone
		_, _ = io.Copy(struct{ io.Writer }{server}, struct{ io.Reader }{client})
		server.Close()
	})
	left := p.random.Int64N(longest)
	if p.random.IntN(8) == 0 {
		left = p.random.Int64N(1000)
	}
	buf := make([]byte, 64<<10)
	for left > 0 {
		if p.random.IntN(50) == 0 {
			time.Sleep(time.Duration(p.random.IntN(30)) * time.Millisecond)
		}
		n, err := server.Read(buf[:min(left, int64(len(buf)))])
		if _, failed := client.Write(buf[:n]); failed != nil {
			return
		}
		left -= int64(n)
		p.mu.Lock()
		p.sent += int64(n)
		sent := p.sent
		p.mu.Unlock()
		if p.during != nil {
			p.during(sent)
		}
		if err != nil {
			return
		}
	}
	reset := p.random.IntN(2) == 0 && !p.gentle
	if reset {
		_ = client.SetLinger(0) // what is under way is lost
	}
	client.Close()
	p.mu.Lock()
	p.cuts++
	if reset {
		p.resets++
	}
	sent := p.sent
	p.mu.Unlock()
	if p.atCut != nil {
		p.atCut(sent)
	}
}
