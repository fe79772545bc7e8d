package sinks

import (
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirflow/weir/internal/httpkit"
)

const (
	expectContinue = 1 << 20         // bytes from which a request asks before it sends
	continueWait   = time.Second     // for the server's word
	answerGrace    = time.Second / 5 // for an answer that comes when writing fails
)

// body is a request's body, as the transport sees it.
type body struct {
	r     io.ReadCloser // Close frees a Read that waits
	wait  *serverWait
	atEOF func() // called by the Read that returns io.EOF, before it does

	proceed <-chan struct{} // closed when the server says "100 Continue"; nil: the body waits for no word
	asked   bool

	began, ended atomic.Bool  // the transport has seen the first bytes, the end
	taken        atomic.Int64 // bytes
	answered     chan struct{}
	aborted      <-chan struct{}
	once         sync.Once
	closed       chan struct{}
}

func newBody(r io.ReadCloser, wait *serverWait, aborted <-chan struct{}) *body {
	return &body{r: r, wait: wait, aborted: aborted, answered: make(chan struct{}), closed: make(chan struct{})}
}

// Read ends a wait for the server, and begins the next one.
func (b *body) Read(p []byte) (int, error) {
	if b.proceed != nil && !b.asked {
		b.asked = true
		b.awaitContinue()
	}
	b.wait.end()
	n, err := b.r.Read(p)
	b.began.Store(true)
	b.taken.Add(int64(n))
	if err == io.EOF {
		b.ended.Store(true)
		if b.atEOF != nil {
			b.atEOF()
		}
	}
	if err == nil || err == io.EOF {
		b.wait.begin(n, err == nil)
	}
	return n, err
}

// awaitContinue waits in place of a transport that has no ExpectContinueTimeout, and therefore asks
// for the body at once.
func (b *body) awaitContinue() {
	timer := time.NewTimer(continueWait)
	defer timer.Stop()
	select {
	case <-b.proceed:
	case <-b.answered:
	case <-b.aborted:
	case <-timer.C:
	}
}

// Close is called when a write to the server has failed, among other times, and before that is told
// to anybody. A server that refuses and closes makes writes fail while its answer is there and
// nobody has read it yet: so an answer gets a moment to come first. Afterwards http.Transport would
// not look for it any more.
func (b *body) Close() error {
	err := b.r.Close()
	b.once.Do(func() {
		defer close(b.closed)
		if !b.began.Load() || b.ended.Load() {
			return
		}
		grace := time.NewTimer(answerGrace)
		defer grace.Stop()
		select {
		case <-b.answered:
		case <-b.aborted:
		case <-grace.C:
		}
	})
	return err
}

// expect makes req ask with "Expect: 100-continue" before it sends b. Without a limit of its own
// http.Transport does not wait at all, and a server that does not know the mechanism (RFC 9110
// section 10.1.1) needs the limit.
func (b *body) expect(req *http.Request, rt http.RoundTripper) *http.Request {
	if rt == nil {
		rt = http.DefaultTransport
	}
	t, ok := rt.(*http.Transport)
	if !ok || req.Header.Get("Expect") != "" {
		return req
	}
	if t.ExpectContinueTimeout <= 0 {
		proceed := make(chan struct{})
		b.proceed = proceed
		trace := &httptrace.ClientTrace{Got100Continue: sync.OnceFunc(func() { close(proceed) })}
		req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
	}
	req.Header.Set("Expect", "100-continue")
	return req
}

// serverWait watches over the waits for a server. The transport and whoever sends the request use it,
// at once too.
type serverWait struct {
	mu    sync.Mutex
	watch httpkit.Watch
	taken int // bytes that are being waited with
	over  bool
}

func newServerWait(idle time.Duration, rate int64, window time.Duration, over func(*TimeoutError)) *serverWait {
	return &serverWait{watch: httpkit.Watch{
		Idle:   httpkit.Limit(idle, httpkit.Idle),
		Rate:   rate,
		Window: httpkit.Limit(window, httpkit.MinRateWindow),
		Over: func(limit string, after time.Duration) {
			over(&TimeoutError{Limit: limit, After: after})
		},
	}}
}

// begin says that the server has n bytes to take; with inBody false, that it has an answer to give
// as well, which has no rate.
func (p *serverWait) begin(n int, inBody bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.taken = n
		p.watch.Begin(inBody)
	}
}

// end says that it has.
func (p *serverWait) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watch.End(p.taken)
	p.taken = 0
}

// stop says that nothing more is waited for.
func (p *serverWait) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	p.watch.End(p.taken)
}
