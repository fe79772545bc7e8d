package httpflow

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/weirflow/weir/internal/peerwait"
	"github.com/weirflow/weir/transfer"
)

// A requestBody is the body of a request that is received. It is not waited for longer than the limits
// allow, and it knows how it ended.
type requestBody struct {
	w        http.ResponseWriter // of the server
	r        *http.Request
	control  *http.ResponseController
	from     io.ReadCloser
	wait     *peerwait.Wait
	received int64 // bytes
	used     bool  // reading has begun

	// partial keeps what came before the body broke off or was stopped: to the reader that is an
	// EOF. The caller that sets it looks at why.
	partial bool

	// Valid when reading is over.
	ended  bool  // the body was read to its end
	why    error // why not, unless the reader stopped
	broken error // why, if it is because of the client or the connection

	mu    sync.Mutex
	cause error // of a stop
	gone  bool  // the handler has returned, or is about to
}

func newRequestBody(w http.ResponseWriter, r *http.Request, limits transfer.Limits) *requestBody {
	b := &requestBody{w: w, r: r, control: http.NewResponseController(w), from: r.Body}
	b.ended = !b.present()
	b.wait = peerwait.New(limits, func(late *transfer.TimeoutError) { b.stop(tooSlow(late)) })
	return b
}

func (b *requestBody) present() bool { return b.r.Body != nil && b.r.Body != http.NoBody }

// limit makes a body that is longer than n bytes an [*http.MaxBytesError].
func (b *requestBody) limit(n int64) {
	if b.present() {
		b.from = http.MaxBytesReader(b.w, b.r.Body, n)
	}
}

// request is the request with b as its body.
func (b *requestBody) request() *http.Request {
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
func (b *requestBody) stop(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cause == nil && !b.gone {
		b.cause = err
		_ = b.control.SetReadDeadline(past)
	}
}

// end is called before the handler returns: after that, its ResponseWriter must not be used.
func (b *requestBody) end() {
	b.wait.Stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = true
}

func (b *requestBody) stopped() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cause
}

func (b *requestBody) Read(p []byte) (int, error) {
	_ = b.wait.Begin(0) // if it is late, it has been stopped
	if cause := b.stopped(); cause != nil {
		_ = b.wait.End(0)
		return 0, b.over(cause)
	}
	n, err := b.from.Read(p)
	_ = b.wait.End(n)
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

func (b *requestBody) over(err error) error {
	b.why = err
	if b.partial {
		return io.EOF
	}
	return err
}

func (b *requestBody) Close() error { return b.from.Close() }

// lingerFor is how long a server reads on after a request that it has refused, so that the client gets
// to see the answer.
const lingerFor = time.Second

// settle prepares the connection for the answer, when reading is over or has not begun: the rest of a
// body must not be taken for the next request. Where nothing was read, net/http reads a short rest,
// for which it sets no deadline.
func (b *requestBody) settle() {
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

// linger reads on after the answer on HTTP/2. The server does not need the rest, but some clients
// (curl 7.88) take the end of the stream while they send for an error and do not look at the answer.
// A client that waits for 100 Continue sends nothing.
func (b *requestBody) linger() {
	if b.ended || b.r.ProtoMajor == 1 || !b.used && b.r.Header.Get("Expect") != "" {
		return
	}
	if b.control.SetReadDeadline(time.Now().Add(lingerFor)) == nil {
		_, _ = io.Copy(io.Discard, b.r.Body)
	}
}

var errSuperseded = errors.New("superseded by another request for the same upload")
