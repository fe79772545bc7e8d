package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	wire "github.com/weirflow/weir/transfer"
)

// maxRestarts is how often a download begins anew because the file has changed meanwhile.
const maxRestarts = 3

// A download is a file on its way from a server. What a failed run has left in .NAME.part is
// continued, if it is of the version that the server still has.
type download struct {
	app   *app
	url   string
	dst   string // a path; "" is standard output
	opts  getOptions
	force bool
	build *build

	offset   int64          // bytes that an earlier run has left
	record   partRecord     // of the partial file that this attempt makes or continues
	remote   sources.Remote // what the server says
	begun    chan struct{}  // closed when remote is about the bytes that come
	restarts int
	removed  string // why what came is gone
}

// get downloads a file, and tells of it as of any flow.
func (a *app) get(ctx context.Context, d *download, rule outputRule) error {
	t := &transfer{words: []string{text.RedactURL(d.url), "!", "-"}, again: d.again}
	if d.dst != "" {
		err := lookAt(d.dst).check(rule)
		if errors.Is(err, errSkipped) {
			a.note("pipe-demo: %s: exists already, skipped", text.Printable(d.dst))
		}
		if err != nil {
			return err
		}
		t.words[2], t.outputs, t.kept = d.dst, []string{d.dst}, d.kept
	}
	ctx, cancel := a.limits(ctx)
	defer cancel()
	d.force, d.build = rule.force, a.newBuild(ctx)
	t.build = d.build
	var err error
	if t.pipe, err = d.pipeline(); err != nil {
		return err
	}
	if d.offset > 0 {
		a.note("pipe-demo: %s: goes on behind the %s that an earlier run has got", text.Printable(d.dst), text.Size(d.offset))
	}
	report, err := a.runReport(ctx, t)
	if err == nil && d.dst != "" {
		a.note("pipe-demo: %s: %s received", text.Printable(d.dst), text.Size(progressOf(report).Done))
	}
	return err
}

// pipeline is the flow of one attempt. It begins where the last one has stopped.
func (d *download) pipeline() (*pipeline.Pipeline, error) {
	b := d.build
	opts := b.httpOptions(d.url)
	opts.Retry.Attempts = d.opts.retries + 1
	if d.opts.sum.sum != nil {
		opts.Hash, opts.Sum = sha256.New, d.opts.sum.sum
	}
	opts.OnAnswer = func(r sources.Remote) { d.remote = r }
	d.begun, d.remote, d.offset = make(chan struct{}), sources.Remote{}, 0
	if err := d.resume(&opts); err != nil {
		return nil, err
	}
	b.labels = []string{text.RedactURL(d.url), "answer"}
	src := sources.HTTPWith(d.url, opts).Via(d.answer())
	if b.limitRate > 0 {
		src = src.Via(b.limit())
		b.labels = append(b.labels, "limit")
	}
	if d.dst != "" {
		b.labels = append(b.labels, d.dst)
		return src.To(d.file()), nil
	}
	if b.terminal && !d.app.flags.force {
		src = src.Via(textOnly())
		b.labels = append(b.labels, "terminal")
	}
	b.labels = append(b.labels, "-")
	return src.To(sinks.Stdout()), nil
}

// resume finds what an earlier run has left of this URL's file.
func (d *download) resume(opts *sources.HTTPOptions) error {
	if d.dst == "" {
		return nil
	}
	left, err := atomicfile.FindPartial(nil, d.dst)
	if err != nil {
		return err
	}
	r, ok := parsePartRecord(left.Fingerprint, d.url)
	if !ok {
		return nil
	}
	d.offset, d.record = left.Offset, r
	opts.Offset, opts.Validator = left.Offset, r.Validator
	opts.Prior = func() (io.ReadCloser, error) { return os.Open(left.Path) }
	return nil
}

// answer is a stage that holds the flow to --max-size, and knows when the server has decided on a
// version of the file: with the first byte that comes.
func (d *download) answer() pipeline.Stage {
	begun, most, n := d.begun, int64(d.opts.maxSize), d.offset
	return pipeline.NewStage("answer", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		first := true
		err := passOn(ctx, in, out, func(c pipeline.Chunk) error {
			n += int64(c.Len())
			total := n
			if first {
				if rest, known := in.Size(); known {
					total = d.offset + rest
				}
				close(begun)
				first = false
			}
			if most > 0 && total > most {
				c.Release()
				return limitError{fmt.Sprintf("--max-size %s: the file has %s or more", text.Size(most), text.Size(total))}
			}
			return out.Send(ctx, c)
		})
		if err == nil && first {
			close(begun)
		}
		return err
	})
}

// file is the sink. Which version of the file it gets is known when the first byte has come, and
// only then can it say so in what it keeps.
func (d *download) file() pipeline.Sink {
	begun := d.begun
	return pipeline.NewSink("file", func(ctx context.Context, in *pipeline.Inlet) error {
		select {
		case <-begun:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if d.offset == 0 {
			d.record = newPartRecord(d.url, d.remote.Validator)
		}
		opts := sinks.FileOptions{NoClobber: !d.force}
		if d.record.Validator.Resumable() {
			return sinks.Resume(d.dst, d.record.fingerprint(), d.offset, opts).Run(ctx, in)
		}
		return sinks.FileWith(d.dst, opts).Run(ctx, in)
	})
}

// again decides after a failure whether another attempt makes sense, and gives its flow. A file
// that has changed is taken from the beginning; so is one whose digest is wrong, if its first part
// is from an earlier run.
func (d *download) again(err error) *pipeline.Pipeline {
	if isA[*wire.NetworkError](err) || d.dst == "" {
		return nil
	}
	changed, wrong := isA[*sources.ChangedError](err), isA[*wire.DigestError](err)
	if !changed && !wrong {
		return nil
	}
	if atomicfile.RemovePartial(nil, d.dst) != nil { // it is of another version of the file, or is wrong
		return nil
	}
	d.removed = "what came was removed"
	if d.restarts == maxRestarts || wrong && d.offset == 0 {
		return nil
	}
	next, failed := d.pipeline()
	if failed != nil {
		return nil
	}
	d.restarts++
	d.removed = ""
	d.app.event("retry", map[string]any{"attempt": d.restarts, "wait_seconds": 0, "error": message(err), "offset": 0})
	d.app.note("%spipe-demo: %s: begins anew: %s", d.app.clear(), text.Printable(d.dst), text.Printable(message(err)))
	return next
}

// kept says what a failed run has left, and how to go on.
func (d *download) kept() string {
	if d.removed != "" {
		return d.removed
	}
	left, err := atomicfile.FindPartial(nil, d.dst)
	if err != nil {
		return ""
	}
	r, ok := parsePartRecord(left.Fingerprint, d.url)
	if !ok {
		if d.remote.Header != nil && !d.remote.Validator.Resumable() {
			return "nothing is kept: the server gave no ETag and no Last-Modified to go on with"
		}
		return ""
	}
	size := text.Size(left.Offset)
	if r.Validator.Size > 0 {
		size += " of " + text.Size(r.Validator.Size)
	}
	command := again()
	if u, err := url.Parse(d.url); err == nil && (u.User != nil || u.RawQuery != "") {
		command = "run the same command again" // what it has in its URL may be secret
	}
	return fmt.Sprintf("%s are kept in %s; to go on: %s", size, text.Printable(left.Path), command)
}
