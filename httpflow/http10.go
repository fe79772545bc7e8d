package httpflow

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// A closeDelimited response of HTTP/1.0 goes to the connection itself if it has no length, because
// its end is then that of the connection (RFC 9112 §6.3), and one that fails has to be reset. Where
// a write fails or is interrupted, net/http closes the connection as if all were well. The header is
// written with the first bytes. The request's context does not end any more when the client leaves;
// the next write fails.
type closeDelimited struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int // 0: none yet
	begun   bool
	conn    net.Conn // nil: it is the server's
	buf     *bufio.ReadWriter
	taken   bool // by Hijack

	mu       sync.Mutex // a write deadline may be set during a Write
	own      net.Conn   // conn, for that
	deadline time.Time  // which Hijack clears
}

func (c *closeDelimited) WriteHeader(status int) {
	if status >= 200 && c.status == 0 { // HTTP/1.0 has no others (RFC 9110 §15.2)
		c.status = status
	}
}

// begin writes the header; p is what comes first behind it.
func (c *closeDelimited) begin(p []byte) {
	if c.begun {
		return
	}
	c.begun = true
	c.WriteHeader(http.StatusOK)
	header := c.Header()
	if header.Get("Content-Length") == "" && c.status != http.StatusNoContent && c.status != http.StatusNotModified {
		if conn, buf, err := c.control.Hijack(); err == nil {
			c.conn, c.buf = conn, buf
			c.mu.Lock()
			c.own = conn
			_ = conn.SetWriteDeadline(c.deadline)
			c.mu.Unlock()
		}
	}
	if c.conn == nil {
		c.ResponseWriter.WriteHeader(c.status)
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
	fmt.Fprintf(c.buf, "HTTP/1.0 %03d %s\r\n", c.status, http.StatusText(c.status))
	_ = header.WriteSubset(c.buf, map[string]bool{"Transfer-Encoding": true, "Trailer": true})
	_, _ = c.buf.WriteString("\r\n")
}

func (c *closeDelimited) Write(p []byte) (int, error) {
	c.begin(p)
	if c.conn == nil {
		return c.ResponseWriter.Write(p)
	}
	return c.buf.Write(p)
}

// FlushError is for [http.ResponseController], and so are the following.
func (c *closeDelimited) FlushError() error {
	c.begin(nil)
	if c.conn == nil {
		return c.control.Flush()
	}
	return c.buf.Flush()
}

func (c *closeDelimited) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.own != nil {
		return c.own.SetWriteDeadline(t)
	}
	c.deadline = t
	return c.control.SetWriteDeadline(t)
}

func (c *closeDelimited) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if c.conn == nil {
		return c.control.Hijack()
	}
	if c.taken {
		return nil, nil, http.ErrHijacked
	}
	c.taken = true
	return c.conn, c.buf, nil
}

func (c *closeDelimited) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// end closes the connection, of which nothing is to be flushed any more, or resets it.
func (c *closeDelimited) end(complete bool) {
	switch {
	case c.conn == nil, c.taken:
	case complete:
		_ = c.conn.Close()
	default:
		reset(c.conn)
	}
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
