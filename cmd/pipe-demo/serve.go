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

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/httpflow"
)

func (a *app) serveCommand() *cobra.Command {
	s := newServer(a, "serve")
	list := false
	cmd := &cobra.Command{
		Use:   "serve [flags] [PATH | - | SOURCE ! STAGE ...]",
		Short: "serve a file, a folder or a flow over HTTP; or a tune",
		Long: `Serves a file at / and /NAME, or the files of a folder. A flow runs for each GET
and has the response as its sink; standard input is there for one GET only.
The one line on stdout says where. Ctrl-C ends it after the transfers under way.`,
		Example: `  pipe-demo serve                            then open http://127.0.0.1:8080/
  pipe-demo serve --list --addr :8080 music/   for the phone, too
  pipe-demo serve access.log.gz ! gunzip     anew for each request
  tar c . | pipe-demo serve -                once`,
		ValidArgsFunction: s.app.completeFlow,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 && !s.isFlow(args) {
				return needArgs(0, 1, "it takes one path, or a flow")(cmd, args)
			}
			certificate, err := s.certificate()
			if err != nil {
				return err
			}
			s.log = a.requestLog()
			handler, done, err := s.handler(args, list)
			if err != nil {
				return err
			}
			defer done()
			return s.serve(cmd.Context(), handler, certificate)
		},
	}
	f := cmd.Flags()
	s.addFlags(f)
	f.Var(&a.flags.limitRate, "limit-rate", "bytes per second at most, of each response")
	f.BoolVar(&list, "list", false, "a page for each folder without index.html")
	return cmd
}

// newServer is a server with the defaults of its flags.
func newServer(a *app, command string) *server {
	return &server{app: a, command: command, addr: "127.0.0.1:8080", grace: duration(5 * time.Second)}
}

// addFlags are the flags of every server.
func (s *server) addFlags(f *pflag.FlagSet) {
	f.Var(&s.addr, "addr", "port 0 takes a free one")
	f.Var(&s.grace, "grace", "how long transfers may take after Ctrl-C")
	f.BoolVar(&s.app.flags.json, "json", false, "the log as one JSON object a line")
	f.BoolVarP(&s.app.flags.quiet, "quiet", "q", false, "log failures only")
	f.StringVar(&s.cert, "tls-cert", "", "speak https with the certificate in this PEM `FILE`")
	f.StringVar(&s.key, "tls-key", "", "and with its key in this PEM `FILE`")
	f.BoolVarP(&s.app.flags.verbose, "verbose", "v", false, "log protocol, range and user agent, too")
}

// A server is the command serve or receive, with its flags.
type server struct {
	app       *app
	command   string
	addr      hostPort
	grace     duration
	cert, key string // files; "" is no TLS
	log       *slog.Logger

	mu      sync.Mutex
	waiting map[net.Conn]bool // connections that have not asked for anything yet
	closing bool
	active  int           // requests
	ended   chan struct{} // closed when there are none; nil: nobody waits for that
	over    bool          // the grace period
}

// begin and end stand around each request.
func (s *server) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active++
}

func (s *server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active--; s.active == 0 && s.ended != nil {
		close(s.ended)
		s.ended = nil
	}
}

// idle gives a channel that is closed when no request is under way.
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

// isOver says that the server breaks off what is under way.
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
		return nil, usageError("%s: --tls-cert and --tls-key go together", s.command)
	}
	c, err := tls.LoadX509KeyPair(s.cert, s.key)
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		flag := "--tls-cert"
		if pe.Path != s.cert {
			flag = "--tls-key"
		}
		return nil, &exitError{code: exitFailed, err: fmt.Errorf("%s: %s: %s: %w", s.command, flag, pe.Path, pe.Err)}
	}
	if err != nil {
		return nil, &exitError{code: exitFailed, err: fmt.Errorf("%s: %s and %s: %w", s.command, s.cert, s.key, err),
			hint: "they are a certificate and its key, in PEM: -----BEGIN CERTIFICATE-----"}
	}
	return &c, nil
}

const (
	headerTime   = 10 * time.Second // for a client to send the header of a request
	idleTime     = time.Minute      // for its next request, and to take one piece of a response
	maxHeader    = 64 << 10         // bytes
	lastLogLines = time.Second      // for requests that were broken off to say so
)

// serve answers requests until ctx ends, and then those under way for as long as the grace period.
func (s *server) serve(ctx context.Context, handler http.Handler, certificate *tls.Certificate) error {
	ln, err := s.listen()
	if err != nil {
		return err
	}
	ln = httpflow.LimitListener(ln, httpflow.MaxConnections)
	s.waiting = make(map[net.Conn]bool)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(certificate != nil)
	protocols.SetUnencryptedHTTP2(certificate == nil)
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.begin()
			defer s.end()
			handler.ServeHTTP(w, r)
		}),
		Protocols:         protocols,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ConnState:         s.connState,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
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
	a := s.app
	fmt.Fprintf(a.out, "listening on %s://%s/\n", scheme, ln.Addr())
	if err := a.out.Flush(); err != nil {
		close(stopped)
		ln.Close()
		if errors.Is(err, syscall.EPIPE) {
			return &exitError{code: exitPipe, err: err}
		}
		return fmt.Errorf("stdout: %w", bareCause(err))
	}
	err = accept()
	close(stopped)
	if stop := g.Wait(); err == http.ErrServerClosed { //nolint:errorlint // Serve returns it bare
		err = stop
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.command, err)
	}
	return nil
}

// shutdown ends the server: what is under way may go on for the grace period.
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
		s.log.Warn("transfers under way were broken off after " + time.Duration(s.grace).String())
		s.mu.Lock()
		s.over = true
		s.mu.Unlock()
		err = srv.Close()
	}
	select { // Shutdown does not know of requests whose connection was broken off
	case <-s.idle():
	case <-time.After(lastLogLines): // the process ends, and with it what does not
	}
	return err
}

// connState is told what becomes of connections.
func (s *server) connState(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	e := &exitError{code: exitFailed, err: fmt.Errorf("%s: %s: %w", s.command, addr, err)}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		e.err = fmt.Errorf("%s: %s: %w", s.command, addr, op.Err)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		e.err = fmt.Errorf("%s: %s: the address is in use", s.command, addr)
		e.hint = "another server listens there; --addr 127.0.0.1:0 takes a free port"
	case errors.Is(err, fs.ErrPermission):
		e.err = fmt.Errorf("%s: %s: permission denied", s.command, addr)
		e.hint = "ports below 1024 belong to root"
	}
	return nil, e
}
