// Package transfer is the commands get and put: downloads and uploads that a later run resumes.
package transfer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/transfer"
)

// maxRestarts is how often a download restarts because the file has changed meanwhile.
const maxRestarts = 3

// A Download is a file to be downloaded, and how.
type Download struct {
	Console     *cli.Console
	URL         string
	Destination string     // a file, a directory, or "-" for standard output
	SHA256      cli.SHA256 // of the file
	MaxSize     cli.Size
	Retries     int // in a row
	Existing    cli.Existing
	Limits      cli.Limits
}

// Run downloads. What a run that has failed has left in .NAME.part is resumed, if it is of the version that the server
// still has.
func (d *Download) Run(ctx context.Context) error {
	if err := d.plan(); err != nil {
		return err
	}
	shown := text.RedactURL(d.URL)
	t := &cli.Task{Console: d.Console, Words: []string{shown, "!", d.Destination}, Existing: d.Existing}
	if d.Destination != "-" {
		there := cli.LookAt(d.Destination)
		err := there.Check(d.Existing)
		if errors.Is(err, cli.ErrSkipped) {
			d.Console.Note("%s: exists already, skipped", d.Destination)
		}
		if err == nil {
			err = there.CheckReplace(d.Existing)
		}
		if err != nil {
			return err
		}
		t.Outputs = []cli.Output{there}
	}
	ctx, cancel := d.Limits.Context(ctx)
	defer cancel()
	a, err := d.newAttempt()
	if err != nil {
		return err
	}
	if a.offset > 0 {
		d.Console.Note("%s: resuming at %s", d.Destination, text.Size(a.offset))
	}
	removed := false
	if d.Destination != "-" {
		t.Partial = func(err error) string {
			if removed {
				return "the partial download is removed"
			}
			return a.kept(err)
		}
	}
	t.Start()
	report, err := t.Attempt(ctx, a.flow)
	for restarts := 1; d.isOutdated(err); restarts++ {
		wrong := isA[*transfer.DigestError](err)
		if atomicfile.RemovePartial(nil, d.Destination) != nil {
			break
		}
		if removed = restarts > maxRestarts || wrong && a.offset == 0; removed {
			break
		}
		next, failed := d.newAttempt()
		if removed = failed != nil; removed {
			break
		}
		a = next
		d.Console.Restart(d.Destination, shown, restarts, err)
		report, err = t.Attempt(ctx, a.flow)
	}
	if err = t.End(report, err); err == nil && d.Destination != "-" {
		d.Console.Note("%s: %s received", d.Destination, text.Size(cli.ProgressOf(report).Done))
	}
	return err
}

// plan checks the flags and the URL, and completes the destination.
func (d *Download) plan() error {
	if err := d.Existing.Check(); err != nil {
		return err
	}
	if err := checkRetries("get", d.Retries); err != nil {
		return err
	}
	u, err := serverURL("get", d.URL)
	if err != nil {
		return err
	}
	d.URL = u.String()
	if d.Destination == "-" {
		return nil
	}
	if info, err := os.Stat(d.Destination); err == nil && info.IsDir() {
		name := text.URLName(u)
		if name == "" {
			return cli.Usage("get: %s has no name at its end", text.RedactURL(d.URL)).WithHint("name the file: pipe-demo get URL NAME")
		}
		d.Destination = cli.JoinPath(d.Destination, name)
	}
	return nil
}

// isOutdated reports whether an attempt failed because what has been received is not of the file as it is now: the file
// has changed, or the digest is wrong. Then what is there is of no use.
func (d *Download) isOutdated(err error) bool {
	return d.Destination != "-" && !isA[*transfer.NetworkError](err) && (isA[*sources.ChangedError](err) || isA[*transfer.DigestError](err))
}

// An attempt is one flow of a download.
type attempt struct {
	*Download
	flow *pipeline.Pipeline

	offset int64          // bytes that an earlier run has left
	record partRecord     // of the partial file that this attempt makes or resumes
	remote sources.Remote // what the server says
	begun  chan struct{}  // closed when remote is about the bytes that come
}

// newAttempt is an attempt that resumes what an earlier one has left.
func (d *Download) newAttempt() (*attempt, error) {
	a := &attempt{Download: d, begun: make(chan struct{})}
	opts := sources.HTTPOptions{Header: http.Header{"User-Agent": {cli.UserAgent}}, Retry: transfer.Retry{Attempts: d.Retries + 1}}
	opts.Retry.OnRetry = func(n int, wait time.Duration, cause error) { d.Console.Retry(text.RedactURL(d.URL), n, wait, cause) }
	opts.OnAnswer = func(r sources.Remote) { a.remote = r }
	if d.SHA256 != nil {
		opts.Hash, opts.Sum = sha256.New, d.SHA256
	}
	if err := a.resume(&opts); err != nil {
		return nil, err
	}
	src := sources.HTTPWith(d.URL, opts).Via(a.answer())
	if s := d.Limits.Stage(); !s.IsZero() {
		src = src.Via(s)
	}
	sink := a.file()
	if d.Destination == "-" {
		sink = sinks.Stdout()
		if s := d.Console.TextOnly(d.Existing.Force); !s.IsZero() {
			src = src.Via(s)
		}
	}
	a.flow = src.To(sink)
	return a, nil
}

// resume finds what an earlier run has left of this URL's file.
func (a *attempt) resume(opts *sources.HTTPOptions) error {
	if a.Destination == "-" || a.Existing.Overwrites() {
		return nil
	}
	left, err := atomicfile.FindPartial(nil, a.Destination)
	if err != nil {
		return err
	}
	r, ok := parsePartRecord(left.Fingerprint, a.URL)
	if !ok {
		return nil
	}
	a.offset, a.record = left.Offset, r
	opts.Offset, opts.Validator = left.Offset, r.Validator
	opts.Prior = func() (io.ReadCloser, error) { return os.Open(left.Path) }
	return nil
}

// answer is a stage that holds the flow to --max-size, and knows when the server has decided on a
// version of the file: with the first byte that comes.
func (a *attempt) answer() pipeline.Stage {
	return pipeline.NewStage("answer", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		most, n, first := int64(a.MaxSize), a.offset, true
		err := cli.PassOn(ctx, in, out, func(c pipeline.Chunk) error {
			n += int64(c.Len())
			total := n
			if first {
				if rest, known := in.Size(); known {
					total = a.offset + rest
				}
				close(a.begun)
				first = false
			}
			if most > 0 && total > most {
				c.Release()
				return cli.LimitError{Limit: fmt.Sprintf("--max-size %s: the file has %s or more", text.Size(most), text.Size(total))}
			}
			return out.Send(ctx, c)
		})
		if err == nil && first {
			close(a.begun)
		}
		return err
	})
}

// file is the sink. Which version of the file it gets is known when the first byte has come; only then can it be
// recorded beside the partial file.
func (a *attempt) file() pipeline.Sink {
	return pipeline.NewSink(a.Destination, func(ctx context.Context, in *pipeline.Inlet) error {
		select {
		case <-a.begun:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if a.offset == 0 {
			a.record = newPartRecord(a.URL, a.remote.Validator)
		}
		opts := a.Existing.FileOptions(a.Console, a.Destination)
		if a.record.Validator.Resumable() && !a.Existing.Overwrites() {
			return sinks.Resume(a.Destination, a.record.fingerprint(), a.offset, opts).Run(ctx, in)
		}
		return a.Existing.FileSink(a.Destination, opts).Run(ctx, in)
	})
}

// kept says what is left of an attempt that has failed, and how to resume, if that can help.
func (a *attempt) kept(err error) string {
	hopeless := isA[*atomicfile.ReplaceError](err)
	left, err := atomicfile.FindPartial(nil, a.Destination)
	if err != nil {
		return ""
	}
	r, ok := parsePartRecord(left.Fingerprint, a.URL)
	if !ok {
		if a.remote.Header != nil && !a.remote.Validator.Resumable() {
			return "nothing is kept: the server sent no ETag and no Last-Modified to resume with"
		}
		return ""
	}
	size := text.Size(left.Offset)
	if r.Validator.Size > 0 {
		size += " of " + text.Size(r.Validator.Size)
	}
	if hopeless {
		return fmt.Sprintf("%s kept in %s", size, left.Path)
	}
	return fmt.Sprintf("%s kept in %s; %s", size, left.Path, resumeHint(a.URL, cli.CommandLine(os.Args[1:])))
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
