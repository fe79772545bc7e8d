package httpflow

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// An intake is the body of a request that is received. It is not waited for longer than the limits
// allow, and tells how it ended.
type intake struct {
	w        http.ResponseWriter // of the server
	r        *http.Request
	control  *http.ResponseController
	from     io.ReadCloser
	wait     patience
	received int64 // bytes
	used     bool  // the reading has begun

	// partial has what came before the body broke off, or was stopped, count: its end is one to the
	// reader. Whoever sets it has to look at why.
	partial bool

	// Valid when the reading is over.
	ended  bool  // the body was read to its end
	why    error // why not, other than that the reader has had enough
	broken error // it is the client's, or the connection's

	mu    sync.Mutex
	cause error // of a stop
	gone  bool  // the handler has returned, or is about to
}

func newIntake(w http.ResponseWriter, r *http.Request, limits Limits) *intake {
	b := &intake{w: w, r: r, control: http.NewResponseController(w), from: r.Body}
	b.ended = !b.present()
	b.wait = patience{Limits: limits, start: time.Now(), giveUp: b.stop}
	return b
}

func (b *intake) present() bool { return b.r.Body != nil && b.r.Body != http.NoBody }

// limit makes a body that is longer than n bytes an [*http.MaxBytesError].
func (b *intake) limit(n int64) {
	if b.present() {
		b.from = http.MaxBytesReader(b.w, b.r.Body, n)
	}
}

// request is the request with b as its body.
func (b *intake) request() *http.Request {
	r := *b.r
	b.used = true
	if b.present() {
		r.Body = b
	}
	if b.partial {
		r.ContentLength = -1 // no promise
	}
	return &r
}

// stop ends the reading with err, also a read that waits for the client.
func (b *intake) stop(err error) {
	switch err { // in the words of somebody who receives
	case errIdle:
		err = errSilent
	case errRate:
		err = errDribble
	case errTotal:
		err = errTime
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cause == nil && !b.gone {
		b.cause = err
		_ = b.control.SetReadDeadline(past)
	}
}

// end is called before the handler returns: after that, nobody may touch its ResponseWriter.
func (b *intake) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = true
}

func (b *intake) stopped() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cause
}

func (b *intake) Read(p []byte) (int, error) {
	_ = b.wait.begin(0) // if it is late, it has been stopped
	if cause := b.stopped(); cause != nil {
		_ = b.wait.end(0)
		return 0, b.over(cause)
	}
	n, err := b.from.Read(p)
	_ = b.wait.end(n)
	b.received += int64(n)
	cause, tooLarge := b.stopped(), (*http.MaxBytesError)(nil)
	switch {
	case err == nil:
	case err == io.EOF:
		b.ended = true
	case cause != nil && errors.Is(err, os.ErrDeadlineExceeded):
		err = b.over(cause)
	case errors.As(err, &tooLarge):
		b.why = err
	default:
		b.broken = err
		err = b.over(err)
	}
	return n, err
}

func (b *intake) over(err error) error {
	b.why = err
	if b.partial {
		return io.EOF
	}
	return err
}

func (b *intake) Close() error { return b.from.Close() }

// lingerFor is how long a server reads on after a request that it has refused, so that the client gets
// to see the answer.
const lingerFor = time.Second

// settle leaves the connection in order before the answer, when the reading is over or has not
// begun: what is left of a body must not be taken for the next request. Where nothing was read,
// that is what net/http does, which reads a short rest. It does so without an end if nobody gives
// one.
func (b *intake) settle() {
	switch {
	case b.ended && b.stopped() == nil, b.r.ProtoMajor != 1:
	case b.ended:
		_ = b.control.SetReadDeadline(time.Time{})
	default:
		if b.used {
			b.w.Header().Set("Connection", "close")
		}
		_ = b.control.SetReadDeadline(time.Now().Add(lingerFor))
	}
}

// linger reads on after the answer on HTTP/2, where what is left is not the server's concern, but
// some clients (curl 7.88) take the end of the stream while they send for an error and do not look
// at the answer. Whoever was not told to continue sends nothing.
func (b *intake) linger() {
	if b.ended || b.r.ProtoMajor == 1 || !b.used && b.r.Header.Get("Expect") != "" {
		return
	}
	if b.control.SetReadDeadline(time.Now().Add(lingerFor)) == nil {
		_, _ = io.Copy(io.Discard, b.r.Body)
	}
}

var (
	errSilent     = fmt.Errorf("%w: the client has stopped sending", ErrTooSlow)
	errDribble    = fmt.Errorf("%w: the client sends less than the lowest rate", ErrTooSlow)
	errTime       = fmt.Errorf("%w: the time for a request is up", ErrTooSlow)
	errSuperseded = errors.New("another request for the same upload has come")
)
