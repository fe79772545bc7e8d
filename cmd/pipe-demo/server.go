package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/internal/filelimit"
)

// A server is the command serve or receive, with its flags.
type server struct {
	console   *cli.Console
	command   string
	addr      cli.Address
	grace     cli.Duration
	cert, key string // files; "" is no TLS
	log       *cli.RequestLog
	each      int  // descriptors that a request may need, with its connection
	receives  bool // requests have bodies

	mu      sync.Mutex
	waiting map[net.Conn]bool // connections without a request yet
	closing bool
	open    int           // connections
	active  int           // requests
	ended   chan struct{} // closed when there are none; nil: nothing waits for that
	over    bool          // the grace period
	finish  func(error)   // ends the server without a signal; only the first call counts
}

// newServer is a server with the defaults of its flags, whose requests may need so many descriptors each.
func newServer(c *cli.Console, command string, each int) *server {
	return &server{console: c, command: command, each: each, addr: "127.0.0.1:8080", grace: cli.Duration(5 * time.Second)}
}

// addFlags are the flags of every server.
func (s *server) addFlags(f *pflag.FlagSet) {
	f.Var(&s.addr, "addr", "port 0 takes a free one")
	f.Var(&s.grace, "grace", "how long transfers may take after Ctrl-C")
	s.console.AddOutputFlags(f, "the log as one JSON object a line", "log failures only", "log protocol, range and user agent, too")
	f.StringVar(&s.cert, "tls-cert", "", "speak https with the certificate in this PEM `FILE`")
	f.StringVar(&s.key, "tls-key", "", "and with its key in this PEM `FILE`")
}

// begin and end enclose each request. begin returns how many connections there are.
func (s *server) begin() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active++
	return s.open
}

func (s *server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active--; s.active == 0 && s.ended != nil {
		close(s.ended)
		s.ended = nil
	}
}

// idle returns a channel that is closed when no request is under way.
func (s *server) idle() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	ended := make(chan struct{})
	if s.active == 0 {
		close(ended)
	} else {
		s.ended = ended
	}
	return ended
}

// isOver reports whether the server aborts what is under way.
func (s *server) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// certificate loads what --tls-cert and --tls-key name; nil if they are not given.
func (s *server) certificate() (*tls.Certificate, error) {
	if s.cert == "" && s.key == "" {
		return nil, nil
	}
	if s.cert == "" || s.key == "" {
		return nil, cli.Usage("%s: --tls-cert and --tls-key go together", s.command)
	}
	c, err := tls.LoadX509KeyPair(s.cert, s.key)
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		flag := "--tls-cert"
		if pe.Path != s.cert {
			flag = "--tls-key"
		}
		return nil, cli.Errorf(cli.ExitFailed, "%s: %s: %s: %w", s.command, flag, pe.Path, pe.Err)
	}
	if err != nil {
		return nil, cli.Errorf(cli.ExitFailed, "%s: %s and %s: %w", s.command, s.cert, s.key, err).
			WithHint("they are a certificate and its key, in PEM: -----BEGIN CERTIFICATE-----")
	}
	return &c, nil
}

const (
	headerTime   = 10 * time.Second // for a client to send the header of a request
	idleTime     = time.Minute      // for its next request, and to take one piece of a response
	maxHeader    = 64 << 10         // bytes
	lastLogLines = time.Second      // for the log lines of aborted requests
)

// serve answers requests until ctx ends, and then those under way for as long as the grace period.
func (s *server) serve(ctx context.Context, handler http.Handler, certificate *tls.Certificate) error {
	ln, err := s.listen()
	if err != nil {
		return err
	}
	most := filelimit.Fit(httpflow.MaxConnections, s.each)
	ln = httpflow.LimitListener(ln, most)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.finish = func(err error) { cancel(finished{err}) }
	s.waiting = make(map[net.Conn]bool)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(certificate != nil)
	protocols.SetUnencryptedHTTP2(certificate == nil)
	srv := &http.Server{
		Handler:           s.within(most, handler),
		Protocols:         protocols,
		HTTP2:             s.streams(most),
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ConnState:         s.connState,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, conn)
		},
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	scheme, accept := "http", func() error { return srv.Serve(ln) }
	if certificate != nil {
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*certificate}}
		scheme, accept = "https", func() error { return srv.ServeTLS(ln, "", "") }
	}
	var g errgroup.Group
	stopped := make(chan struct{})
	g.Go(func() error {
		select {
		case <-stopped:
			return nil
		case <-ctx.Done():
		}
		return s.shutdown(srv)
	})
	fmt.Fprintf(s.console.Out, "listening on %s://%s/\n", scheme, ln.Addr())
	if err := s.console.Flush(); err != nil {
		close(stopped)
		ln.Close()
		return err
	}
	err = accept()
	close(stopped)
	if stop := g.Wait(); err == http.ErrServerClosed { //nolint:errorlint // Serve returns it bare
		err = stop
	}
	if end, ok := errors.AsType[finished](context.Cause(ctx)); ok && err == nil {
		err = end.err
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.command, err)
	}
	return nil
}

// finished is the cause of the end of a server that has served what it had.
type finished struct{ err error }

func (finished) Error() string { return "finished" }

// connKey is the key of the connection in the context of a request.
type connKey struct{}

// drain makes the close of a request's connection wait until the client has received all: the data that the system
// holds may be lost when the process ends, and its container with it.
func drain(r *http.Request) {
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(interface{ SetLinger(sec int) error }); ok {
		_ = t.SetLinger(int(idleTime.Seconds()))
	}
}

// shutdown ends the server: what is under way may take as long as the grace period.
func (s *server) shutdown(srv *http.Server) error {
	s.mu.Lock()
	s.closing = true
	for conn := range s.waiting { // browsers open them in advance, and Shutdown would wait for them
		conn.Close()
	}
	s.mu.Unlock()
	over, cancel := context.WithTimeout(context.Background(), time.Duration(s.grace))
	defer cancel()
	err := srv.Shutdown(over)
	if err != nil {
		s.log.Warn("transfers under way were aborted after " + time.Duration(s.grace).String())
		s.mu.Lock()
		s.over = true
		s.mu.Unlock()
		err = srv.Close()
	}
	select { // Shutdown does not wait for requests whose connection was closed
	case <-s.idle():
	case <-time.After(lastLogLines): // the process ends, and with it what does not
	}
	return err
}

// within is handler for most requests at once, on as many connections: one of HTTP/2 brings more than one request, and
// they wait. When half of the connections are in use, they are closed after their requests, so that idle ones leave
// room for others.
func (s *server) within(most int, handler http.Handler) http.Handler {
	slots := make(chan struct{}, most)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		crowded := s.begin() > most/2
		defer s.end()
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
		if crowded {
			w.Header().Set("Connection", "close")
		}
		handler.ServeHTTP(w, r)
	})
}

// streams are the settings of HTTP/2 where not all streams of a connection can be requests at once. What a client sends on
// one that waits counts against the window of the connection, and must not take it from those that are received.
func (s *server) streams(most int) *http.HTTP2Config {
	const (
		usual  = 250       // streams of a connection, in net/http
		window = 256 << 10 // of a stream
		few    = 15        // streams whose windows fit into one of a connection, which is less than 4 MiB
	)
	if !s.receives || most >= usual {
		return nil
	}
	return &http.HTTP2Config{MaxConcurrentStreams: min(most, few), MaxReceiveBufferPerStream: window, MaxReceiveBufferPerConnection: few * window}
}

// connState follows the states of connections.
func (s *server) connState(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.open++
	case http.StateClosed, http.StateHijacked:
		s.open--
	}
	switch {
	case state != http.StateNew:
		delete(s.waiting, conn)
	case s.closing:
		conn.Close()
	default:
		s.waiting[conn] = true
	}
}

// listen opens the address, with errors that say what to do.
func (s *server) listen() (net.Listener, error) {
	addr := string(s.addr)
	ln, err := net.Listen("tcp", addr)
	if err == nil {
		return ln, nil
	}
	e := cli.Errorf(cli.ExitFailed, "%s: %s: %w", s.command, addr, err)
	if op, ok := errors.AsType[*net.OpError](err); ok {
		e.Err = fmt.Errorf("%s: %s: %w", s.command, addr, op.Err)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		e.Err = fmt.Errorf("%s: %s: the address is in use", s.command, addr)
		e.Hint = "another server listens there; --addr 127.0.0.1:0 takes a free port"
	case errors.Is(err, fs.ErrPermission):
		e.Err = fmt.Errorf("%s: %s: permission denied", s.command, addr)
		e.Hint = "ports below 1024 belong to root"
	}
	return nil, e
}
