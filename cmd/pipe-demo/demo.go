package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/httpflow"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

func demoCommand(c *cli.Console, reg *flow.Registry) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "see it all work, on built-in data",
		Long: `Runs file -> gzip -> file and back, file -> HTTP -> file, and file -> PUT ->
file in a temporary directory, compares the SHA-256 of what went in with what
came out, and removes the directory.`,
		Example: `  pipe-demo demo`,
		Args:    cli.Args(0, 0, "it takes no arguments"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), c, reg) },
	}
}

// A demo is the story in a directory of its own.
type demo struct {
	console *cli.Console
	reg     *flow.Registry
	ctx     context.Context
	dir     string
}

func runDemo(ctx context.Context, c *cli.Console, reg *flow.Registry) (err error) {
	dir, err := os.MkdirTemp("", "pipe-demo-")
	if err != nil {
		return cli.Errorf(cli.ExitFailed, "demo: no temporary directory: %w", err).WithHint("TMPDIR names the directory to make it in")
	}
	defer func() {
		err = errors.Join(err, os.RemoveAll(dir))
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("%w: removed %s", context.Cause(ctx), dir)
		}
	}()
	d := &demo{c, reg, ctx, dir}
	if err := os.WriteFile(d.path("access.log"), accessLog(), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(d.path("tune.mp3"), tune, 0o644); err != nil {
		return err
	}
	d.say("Every flow below runs in a temporary directory, which is gone afterwards.")
	for i, part := range []struct {
		title string
		run   func() error
	}{
		{"file -> gzip -> file, and back again", d.compress},
		{"file -> HTTP -> file", d.download},
		{"file -> PUT -> file", d.upload},
	} {
		d.say("\n%d. %s", i+1, part.title)
		if err := part.run(); err != nil {
			return err
		}
	}
	d.say("\nEverything came back byte for byte.")
	return nil
}

func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }

// say writes a line at once, so that it can be watched.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.console.Out, format+"\n", args...)
	d.console.Out.Flush() // its error comes again at the end
}

func (d *demo) compress() error {
	if err := d.flow("access.log", "gzip", "access.log.gz"); err != nil {
		return err
	}
	if err := d.flow("access.log.gz", "gunzip", "access.back"); err != nil {
		return err
	}
	return d.compare("access.log", "access.back")
}

func (d *demo) download() error {
	url, stop, err := d.listen(httpflow.File(d.path("tune.mp3"), httpflow.Options{}))
	if err != nil {
		return err
	}
	if err := errors.Join(d.flow(url+"tune.mp3", "tune.down"), stop()); err != nil {
		return err
	}
	return d.compare("tune.mp3", "tune.down")
}

func (d *demo) upload() error {
	url, stop, err := d.listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := sources.Request(w, r).To(sinks.File(d.path("tune.up"))).Run(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusCreated)
	}))
	if err != nil {
		return err
	}
	if err := errors.Join(d.flow("tune.mp3", url+"tune.up"), stop()); err != nil {
		return err
	}
	return d.compare("tune.mp3", "tune.up")
}

// flow runs a source, stages and a sink, as the command run does; names are files of the directory.
func (d *demo) flow(elements ...string) error {
	var words []string
	for i, e := range elements {
		if i > 0 {
			words = append(words, "!")
		}
		if at, err := d.reg.Endpoint(flow.SourceRole, e); err == nil && at.Element.File != nil && (i == 0 || i == len(elements)-1) {
			e = d.path(e)
		}
		words = append(words, e)
	}
	f, err := d.reg.Parse(words...)
	if err != nil {
		return err
	}
	o := flowOptions{console: d.console}
	built, err := f.Build(o.build(d.ctx))
	if err != nil {
		return err
	}
	report, err := built.Pipeline.Run(d.ctx)
	if err != nil {
		return err
	}
	d.did(report, elements...)
	return nil
}

// did prints a line about a flow that has succeeded.
func (d *demo) did(r pipeline.Report, elements ...string) {
	var words []string
	for i, e := range elements {
		if i > 0 {
			words = append(words, "!")
		}
		words = append(words, e)
	}
	in, out := r.Nodes[0].Out, r.Nodes[len(r.Nodes)-1].In
	size := text.Size(in)
	if in != out {
		size += " -> " + text.Size(out)
	}
	d.say("   %-46s %s in %s", text.Quote(words), size, text.Duration(r.Elapsed))
}

// compare shows the digests of two files, and fails if they differ.
func (d *demo) compare(names ...string) error {
	var sums []string
	for _, name := range names {
		h := sha256.New()
		if _, err := sources.File(d.path(name)).To(sinks.Writer(h)).Run(d.ctx); err != nil {
			return err
		}
		sum := hex.EncodeToString(h.Sum(nil))
		sums = append(sums, sum)
		d.say("   sha256 %s  %s", sum, name)
	}
	if sums[0] != sums[1] {
		return cli.Errorf(cli.ExitIntegrity, "demo: %s and %s differ", names[0], names[1])
	}
	d.say("   equal")
	return nil
}

// listen serves the handler on a free port of this machine. stop ends the server and waits for it.
func (d *demo) listen(h http.Handler) (url string, stop func() error, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	var g errgroup.Group
	g.Go(func() error {
		if err := srv.Serve(ln); err != http.ErrServerClosed { //nolint:errorlint // Serve returns it bare
			return err
		}
		return nil
	})
	return "http://" + ln.Addr().String() + "/", func() error {
		return errors.Join(srv.Shutdown(context.WithoutCancel(d.ctx)), g.Wait())
	}, nil
}

// accessLog makes up the log of a small web server: 4 MiB that shrink well, and the same every time.
func accessLog() []byte {
	r := rand.New(rand.NewPCG(2, 7))
	paths := []string{"/", "/index.html", "/tune.mp3", "/feed.xml", "/about", "/static/site.css", "/static/logo.svg"}
	status := []int{200, 200, 200, 200, 206, 304, 404}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	for b.Len() < 4<<20 {
		at = at.Add(time.Duration(r.IntN(5000)) * time.Millisecond)
		fmt.Fprintf(&b, "192.0.2.%d - - [%s] \"GET %s HTTP/1.1\" %d %d\n", r.IntN(256), at.Format("02/Jan/2006:15:04:05 -0700"),
			paths[r.IntN(len(paths))], status[r.IntN(len(status))], r.IntN(100000))
	}
	return b.Bytes()
}
