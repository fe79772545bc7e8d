package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

//go:embed tune.mp3
var tune []byte

func (a *app) serveCommand() *cobra.Command {
	addr := hostPort("127.0.0.1:8080")
	grace := duration(5 * time.Second)
	cmd := &cobra.Command{
		Use:   "serve [flags] [PATH]",
		Short: "serve a file or a folder over HTTP; without one, a tune",
		Long: `Serves a file at / and at /NAME, or the files of a folder; a browser plays and
seeks. Without PATH it serves a tune of its own. The one line on standard output
says where. Ctrl-C ends it after the transfers under way, or the grace period.`,
		Example: `  pipe-demo serve                            then open http://127.0.0.1:8080/
  pipe-demo serve video.mp4 --addr 127.0.0.1:9000
  pipe-demo serve site/ --addr 127.0.0.1:0   takes a free port`,
		Args: needArgs(0, 1, "it takes one path at most"),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts := httpflow.FileOptions{OnFlow: a.served}
			if a.flags.limitRate > 0 {
				opts.Via = stages.Limit(int64(a.flags.limitRate))
			}
			handler, done, err := serveHandler(args, opts)
			if err != nil {
				return err
			}
			defer done()
			return a.serve(cmd.Context(), string(addr), time.Duration(grace), handler)
		},
	}
	f := cmd.Flags()
	f.Var(&addr, "addr", "port 0 takes a free one")
	f.Var(&grace, "grace", "how long transfers may take after Ctrl-C")
	f.Var(&a.flags.limitRate, "limit-rate", "bytes per second at most, of each response")
	f.BoolVarP(&a.flags.verbose, "verbose", "v", false, "a line on stderr for each response")
	return cmd
}

// serveHandler finds out what is to be served. The function it returns is for the end.
func serveHandler(args []string, opts httpflow.FileOptions) (http.Handler, func(), error) {
	none := func() {}
	if len(args) == 0 {
		return httpflow.BytesWith("tune.mp3", tune, opts), none, nil
	}
	path := args[0]
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, bareCause(err))
		}
		return httpflow.FileServer(root, httpflow.FileServerOptions{FileOptions: opts}), func() { root.Close() }, nil
	}
	info, err := checkSource(asPath(path))
	if err == nil && (info == nil || !info.Mode().IsRegular()) {
		err = fmt.Errorf("%s: is neither a file nor a folder", path)
	}
	if err != nil {
		return nil, nil, err
	}
	return httpflow.FileWith(path, opts), none, nil
}

// serve answers requests until ctx ends, and then those under way for as long as grace.
func (a *app) serve(ctx context.Context, addr string, grace time.Duration, handler http.Handler) error {
	ln, err := listen(addr)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(a.err, "pipe-demo: serve: ", 0),
	}
	var g errgroup.Group
	stopped := make(chan struct{})
	g.Go(func() error {
		select {
		case <-stopped:
			return nil
		case <-ctx.Done():
		}
		over, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		if err := srv.Shutdown(over); err != nil {
			a.note("pipe-demo: serve: transfers under way were broken off after %s", grace)
			return srv.Close()
		}
		return nil
	})
	fmt.Fprintf(a.out, "listening on http://%s/\n", ln.Addr())
	if err := a.out.Flush(); err != nil {
		close(stopped)
		ln.Close()
		if errors.Is(err, syscall.EPIPE) {
			return &exitError{code: exitPipe, err: err}
		}
		return fmt.Errorf("stdout: %w", bareCause(err))
	}
	err = srv.Serve(ln)
	close(stopped)
	if stop := g.Wait(); err == http.ErrServerClosed { //nolint:errorlint // Serve returns it bare
		err = stop
	}
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// listen opens the address, with errors that say what to do.
func listen(addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err == nil {
		return ln, nil
	}
	e := &exitError{code: exitFailed, err: fmt.Errorf("serve: %s: %w", addr, err)}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		e.err = fmt.Errorf("serve: %s: %w", addr, op.Err)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		e.err = fmt.Errorf("serve: %s: the address is in use", addr)
		e.hint = "another server listens there; --addr 127.0.0.1:0 takes a free port"
	case errors.Is(err, fs.ErrPermission):
		e.err = fmt.Errorf("serve: %s: permission denied", addr)
		e.hint = "ports below 1024 belong to root"
	}
	return nil, e
}

// served tells of a response: of a failure always, of the others with -v. A client that left is neither, for every
// seek of a media player does that.
func (a *app) served(r *http.Request, report pipeline.Report, err error) {
	what := fmt.Sprintf("%s %s", r.Method, r.URL.Path)
	switch {
	case err != nil && r.Context().Err() == nil:
		fmt.Fprintf(a.err, "pipe-demo: serve: %s: %s\n", printable(what), printable(message(err)))
	case a.flags.verbose && err != nil:
		fmt.Fprintf(a.err, "%s: the client left after %s\n", printable(what), formatSize(progressOf(report).Done))
	case a.flags.verbose:
		fmt.Fprintf(a.err, "%s: %s in %s\n", printable(what), formatSize(progressOf(report).Done), formatDuration(report.Elapsed))
	}
}
