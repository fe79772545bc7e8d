package httpclient

import (
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirflow/weir/internal/peerwait"
)

const (
	continueWait = time.Second     // for "100 Continue"
	answerGrace  = time.Second / 5 // for an answer that comes when writing fails
)

// Body is the body of an upload, as the transport sees it. The time between two Reads is what the
// server takes for the bytes of the first one.
type Body struct {
	// AtEOF, if it is not nil, is called by the Read that returns io.EOF, before it returns.
	AtEOF func()

	r       io.ReadCloser // Close frees a Read that waits
	expects bool          // the request has an Expect

	mu           sync.Mutex
	touched, end bool // r has been asked for bytes; the transport has closed the body
	wait         *peerwait.Wait
	offered      int // bytes of the last Read

	proceed <-chan struct{} // closed when the server says "100 Continue"; nil: the body does not wait for it
	patient time.Duration   // how long it waits
	since   time.Time       // when the transport began to wait; zero: it does not
	asked   bool

	began, ended atomic.Bool  // the transport has seen the first bytes, the end
	taken        atomic.Int64 // bytes
	answered     chan struct{}
	replaced     chan struct{} // by Again
	aborted      <-chan struct{}
	once         sync.Once
	closed       chan struct{}
}

// NewBody returns a body with the bytes of r, for one request. The caller announces the wait for the
// answer to wait; the body announces the others. aborted is closed when the request's context ends.
func NewBody(r io.ReadCloser, wait *peerwait.Wait, aborted <-chan struct{}) *Body {
	return &Body{r: r, wait: wait, aborted: aborted, answered: make(chan struct{}), replaced: make(chan struct{}), closed: make(chan struct{})}
}

// Answered says that the client's Do has returned. It is called once.
func (b *Body) Answered() { close(b.answered) }

// Closed is closed when the transport does not use the body any more, which may be after the client's
// Do has returned (golang/go#51907).
func (b *Body) Closed() <-chan struct{} { return b.closed }

// Taken is how many bytes the transport has read.
func (b *Body) Taken() int64 { return b.taken.Load() }

// Ended reports whether the transport has read the whole body.
func (b *Body) Ended() bool { return b.ended.Load() }

// Again returns a body with the same bytes for another request, if the server has refused the Expect of this one before any
// of them was sent, and nil otherwise. It is called after Answered, and once.
func (b *Body) Again() *Body {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.expects || b.touched {
		return nil
	}
	b.end = true
	close(b.replaced)
	again := NewBody(b.r, b.wait, b.aborted)
	again.AtEOF = b.AtEOF
	return again
}

// Drop closes what b reads from, if Close has left it open for Again.
func (b *Body) Drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.touched {
		_ = b.r.Close()
	}
}

// touch reports whether the transport may read from r.
func (b *Body) touch() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.end && !b.touched {
		return false
	}
	b.touched = true
	return true
}

// Read ends a wait for the server, and begins the next one.
func (b *Body) Read(p []byte) (int, error) {
	if b.proceed != nil && !b.asked {
		b.asked = true
		if !b.awaitContinue() {
			return 0, io.ErrClosedPipe
		}
	}
	if !b.touch() {
		return 0, http.ErrBodyReadAfterClose
	}
	_ = b.wait.End(b.offered) // whatever is late, the request is cancelled
	n, err := b.r.Read(p)
	b.began.Store(true)
	b.taken.Add(int64(n))
	if err == io.EOF {
		b.ended.Store(true)
		if b.AtEOF != nil {
			b.AtEOF()
		}
	}
	b.offered = n
	switch err {
	case nil:
		_ = b.wait.Begin(n)
	case io.EOF:
		_ = b.wait.BeginFinalAnswer()
	}
	return n, err
}

// awaitContinue waits in place of a transport that has no ExpectContinueTimeout, and therefore asks
// for the body at once. One that has waited asks for it also after an answer, to keep the connection. It
// reports false if the server has answered instead: then none of the body is sent. It returns only when the
// request is over, because a transport whose body fails closes the connection, and what the answer says may
// not have been read yet.
func (b *Body) awaitContinue() bool {
	left := b.patient
	if !b.since.IsZero() {
		left -= time.Since(b.since)
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-b.proceed:
		return true
	case <-timer.C:
		return true
	case <-b.answered:
	case <-b.aborted:
	}
	select {
	case <-b.aborted:
	case <-b.closed:
	case <-b.replaced:
	}
	return false
}

// Close is called when a write to the server has failed, among other times, and before the transport
// reports that. A server that refuses and closes makes writes fail while its answer is there and
// has not been read yet: so an answer gets a moment to arrive first. Afterwards http.Transport would
// not look for it any more.
func (b *Body) Close() error {
	b.mu.Lock()
	b.end = true
	kept := b.expects && !b.touched
	b.mu.Unlock()
	var err error
	if !kept {
		err = b.r.Close()
	}
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

// Expect makes req ask with "Expect: 100-continue" before it sends b. Without a limit of its own
// http.Transport does not wait at all, and a server that does not know the mechanism (RFC 9110
// section 10.1.1) needs the limit. A request that has the field, if only without a value, stays as it is.
func (b *Body) Expect(req *http.Request, rt http.RoundTripper) *http.Request {
	if rt == nil {
		rt = http.DefaultTransport
	}
	t, ok := rt.(*http.Transport)
	if _, has := req.Header["Expect"]; !ok || has {
		return req
	}
	b.expects = true
	proceed := make(chan struct{})
	b.proceed, b.patient = proceed, continueWait
	trace := &httptrace.ClientTrace{Got100Continue: sync.OnceFunc(func() { close(proceed) })}
	if t.ExpectContinueTimeout > 0 {
		b.patient = t.ExpectContinueTimeout
		trace.Wait100Continue = func() { b.since = time.Now() }
	}
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
	req.Header.Set("Expect", "100-continue")
	return req
}
