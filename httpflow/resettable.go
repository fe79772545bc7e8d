package httpflow

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Resettable makes failures of h's responses visible to clients of HTTP/1.0, which some proxies are. To
// these, the end of the connection is the end of a response that has no Content-Length (RFC 9112 §6.3),
// so one that fails has to be reset; but where a write fails, or is interrupted, net/http closes the
// connection as if all were well. Under Resettable, such a response is written to the connection
// itself: sinks.Response resets it, and so does a handler that panics. The request's context does not
// end any more then when the client leaves; the next write fails.
//
// Other requests are h's alone. A response of [FileServer] has a length, and needs this only with a
// Via that changes it.
func Resettable(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 || r.ProtoMinor > 0 || r.Method == http.MethodHead {
			h.ServeHTTP(w, r)
			return
		}
		x := &bareResponse{ResponseWriter: w, control: http.NewResponseController(w)}
		returned := false
		defer func() { x.end(returned) }()
		h.ServeHTTP(x, r)
		returned = true
	})
}

// bareResponse is a response of HTTP/1.0 that goes to the connection if it has no length. The header is
// written with the first bytes.
type bareResponse struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int // 0: none yet
	begun   bool
	conn    net.Conn // nil: it is the server's
	buf     *bufio.ReadWriter
	taken   bool // by Hijack

	mu       sync.Mutex // a write deadline may be set during a Write
	bare     net.Conn   // conn, for that
	deadline time.Time  // which Hijack clears
}

// lastFlush is how long the client may take for the end of a response.
const lastFlush = time.Minute

func (b *bareResponse) WriteHeader(status int) {
	if status >= 200 && b.status == 0 { // HTTP/1.0 has no others (RFC 9110 §15.2)
		b.status = status
	}
}

// begin writes the header; p is what comes first behind it.
func (b *bareResponse) begin(p []byte) {
	if b.begun {
		return
	}
	b.begun = true
	b.WriteHeader(http.StatusOK)
	header := b.Header()
	if header.Get("Content-Length") == "" && b.status != http.StatusNoContent && b.status != http.StatusNotModified {
		if conn, buf, err := b.control.Hijack(); err == nil {
			b.conn, b.buf = conn, buf
			b.mu.Lock()
			b.bare = conn
			_ = conn.SetWriteDeadline(b.deadline)
			b.mu.Unlock()
		}
	}
	if b.conn == nil {
		b.ResponseWriter.WriteHeader(b.status)
		return
	}
	if header["Date"] == nil {
		header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	if header["Content-Type"] == nil && header.Get("Content-Encoding") == "" && len(p) > 0 {
		header.Set("Content-Type", http.DetectContentType(p))
	}
	header.Set("Connection", "close")
	// An error stays with the writer, and comes with what is written next.
	fmt.Fprintf(b.buf, "HTTP/1.0 %03d %s\r\n", b.status, http.StatusText(b.status))
	_ = header.WriteSubset(b.buf, map[string]bool{"Transfer-Encoding": true, "Trailer": true})
	_, _ = b.buf.WriteString("\r\n")
}

func (b *bareResponse) Write(p []byte) (int, error) {
	b.begin(p)
	if b.conn == nil {
		return b.ResponseWriter.Write(p)
	}
	return b.buf.Write(p)
}

// FlushError is for [http.ResponseController], and so are the following.
func (b *bareResponse) FlushError() error {
	b.begin(nil)
	if b.conn == nil {
		return b.control.Flush()
	}
	return b.buf.Flush()
}

func (b *bareResponse) SetWriteDeadline(t time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bare != nil {
		return b.bare.SetWriteDeadline(t)
	}
	b.deadline = t
	return b.control.SetWriteDeadline(t)
}

func (b *bareResponse) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if b.conn == nil {
		return b.control.Hijack()
	}
	if b.taken {
		return nil, nil, http.ErrHijacked
	}
	b.taken = true
	return b.conn, b.buf, nil
}

func (b *bareResponse) Unwrap() http.ResponseWriter { return b.ResponseWriter }

// end completes the response, or resets it if the handler has not returned.
func (b *bareResponse) end(returned bool) {
	switch {
	case b.conn == nil && !b.begun && b.status != 0:
		b.ResponseWriter.WriteHeader(b.status)
		return
	case b.conn == nil, b.taken:
		return
	}
	if returned && b.conn.SetWriteDeadline(time.Now().Add(lastFlush)) == nil && b.buf.Flush() == nil {
		_ = b.conn.Close()
		return
	}
	reset(b.conn)
}

// reset closes the connection so that its client does not take that for the end of the response.
func reset(conn net.Conn) {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = t.NetConn() // without TLS's close_notify, which would be an end
	}
	if t, ok := conn.(interface{ SetLinger(sec int) error }); ok {
		_ = t.SetLinger(0)
	}
	_ = conn.Close()
}
