package httpflow

import (
	"net"
	"sync"

	"github.com/weirflow/weir/internal/filelimit"
)

// MaxConnections is how many connections [LimitListener] allows by default, where the process may have
// that many descriptors.
const MaxConnections = 4096

// connectionFiles is how many descriptors a connection may need: for itself, and for a file that is
// received, its directory, its lock, and what is opened for a moment.
const connectionFiles = 5

// LimitListener returns l with at most n connections at once. If n is 0 or less, they are
// [MaxConnections], or fewer where the process may not have 5 descriptors for each (RLIMIT_NOFILE).
// Accept waits while there are as many; those that want in queue up in the system. A connection
// counts until it is closed. Limits on how long one may be idle (ReadHeaderTimeout and IdleTimeout
// of the [http.Server], and the limits of handlers) make room again.
//
// TCP connections keep all their methods, and with them what the kernel does for them (sendfile).
func LimitListener(l net.Listener, n int) net.Listener {
	if n <= 0 {
		n = filelimit.Fit(MaxConnections, connectionFiles)
	}
	return &limitListener{Listener: l, slots: make(chan struct{}, n), closed: make(chan struct{})}
}

type limitListener struct {
	net.Listener
	slots  chan struct{}
	once   sync.Once
	closed chan struct{}
}

func (l *limitListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed: // the listener says it in its own words
		return l.Listener.Accept()
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	release := sync.OnceFunc(func() { <-l.slots })
	if tcp, ok := conn.(*net.TCPConn); ok {
		return &limitedTCPConn{tcp, release}, nil
	}
	return &limitedConn{conn, release}, nil
}

func (l *limitListener) Close() error {
	err := l.Listener.Close()
	l.once.Do(func() { close(l.closed) })
	return err
}

type limitedTCPConn struct {
	*net.TCPConn
	release func()
}

func (c *limitedTCPConn) Close() error {
	defer c.release()
	return c.TCPConn.Close()
}

type limitedConn struct {
	net.Conn
	release func()
}

func (c *limitedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
