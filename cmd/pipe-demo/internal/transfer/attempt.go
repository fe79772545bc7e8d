package transfer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
	"github.com/weirflow/weir/transfer"
)

// An attempt is one flow of a download.
type attempt struct {
	*Download
	flow *pipeline.Pipeline

	offset int64          // bytes that an earlier run has left, and that are not asked for
	record partRecord     // of the partial file that this attempt makes or resumes
	left   partRecord     // of the one that was there before; zero: there was none
	remote sources.Remote // what the server says
	begun  chan struct{}  // closed when remote is about the bytes that come

	passed atomic.Int64                   // bytes that have left the stage answer
	inlet  atomic.Pointer[pipeline.Inlet] // of the sink
}

// newAttempt is an attempt that resumes what an earlier run has left, or one from the first byte on that follows another.
func (d *Download) newAttempt(after *attempt) (*attempt, error) {
	a := &attempt{Download: d, begun: make(chan struct{})}
	opts := sources.HTTPOptions{Header: http.Header{"User-Agent": {cli.UserAgent}}, Retry: transfer.Retry{Attempts: d.Retries + 1}}
	opts.Limits.Idle = time.Duration(d.Timeout)
	opts.Retry.OnRetry = func(n int, wait time.Duration, cause error) {
		d.Console.Retry("GET "+plainURL(d.URL), n, wait, cause)
	}
	if d.SHA256 != nil && !d.Decode {
		opts.Hash, opts.Sum = sha256.New, d.SHA256
	}
	if err := a.resume(&opts, after); err != nil {
		return nil, err
	}
	src := a.settled(opts).Via(a.answer())
	if d.Decode {
		src = src.Via(a.decode())
		if d.SHA256 != nil { // of the file, as it will be
			src = src.Via(checkDigest(d.SHA256))
		}
	}
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

// resume finds what an earlier run has left of this URL's file. After another attempt it is not resumed, but remembered.
func (a *attempt) resume(opts *sources.HTTPOptions, after *attempt) error {
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
	if a.left = r; after != nil || a.Decode && r.Validator.Coding != "" {
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
			if rest, known := in.Size(); known && first {
				total = a.offset + rest
			}
			if most > 0 && total > most {
				c.Release()
				return cli.LimitError{Limit: fmt.Sprintf("--max-size %s: the file has %s or more", text.Size(most), text.Size(total))}
			}
			if first {
				if err := a.begin(); err != nil {
					c.Release()
					return err
				}
				first = false
			}
			size := int64(c.Len())
			err := out.Send(ctx, c)
			a.passed.Add(size)
			return err
		})
		if err == nil && first {
			err = a.begin()
		}
		return err
	})
}

// begin looks at what the server says of the file when its first byte is there, or its end.
func (a *attempt) begin() error {
	if a.offset == 0 {
		if a.isOther(a.remote) {
			return a.notThisFile(a.remote)
		}
		if coding := a.remote.Validator.Coding; coding != "" && !a.Decode {
			message := fmt.Sprintf("saved as it comes, in the content coding %.50q", coding)
			if _, err := decoders(coding); err == nil {
				message += ": --decode undoes it"
			}
			a.Console.Warning(text.RedactURL(a.URL), message)
		}
	}
	close(a.begun)
	return nil
}

// settled is the source. It fails on the network only when the sink has taken what came before, since a run that fails drops what is
// between its nodes.
func (a *attempt) settled(opts sources.HTTPOptions) pipeline.Source {
	return pipeline.NewSource("GET "+plainURL(a.URL), func(ctx context.Context, out *pipeline.Outlet) error {
		opts := opts
		opts.OnAnswer = func(r sources.Remote) {
			if a.remote = r; r.Size >= a.offset {
				out.SetSize(r.Size - a.offset)
			}
		}
		err := sources.HTTPWith(a.URL, opts).Run(ctx, out)
		broken, ok := errors.AsType[*transfer.NetworkError](err)
		if !ok || a.Destination == "-" {
			return err
		}
		tick := time.NewTicker(settleTick)
		defer tick.Stop()
		for n := 0; n < settleTicks && !a.settledAt(broken.Offset); n++ {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return err
			}
		}
		return err
	})
}

// How often a source that has failed looks whether the sink has taken all, and how many times at most: a stage such as a limit of the rate
// may hold it up.
const (
	settleTick  = time.Millisecond
	settleTicks = 5000
)

// settledAt reports whether the sink has taken the bytes before offset.
func (a *attempt) settledAt(offset int64) bool {
	if a.offset+a.passed.Load() < offset {
		return false
	}
	in := a.inlet.Load()
	return in != nil && in.Buffered() == 0 || in == nil && a.passed.Load() == 0
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
		if err := a.dir.Check(); err != nil {
			return err
		}
		a.inlet.Store(in)
		if a.offset == 0 {
			a.record = newPartRecord(a.URL, a.remote)
		}
		opts := a.Existing.FileOptions(a.Console, a.Destination)
		// The partial file of an earlier run is replaced only by one that can be resumed as well, or by the whole file.
		if a.record.Validator.Resumable() && !a.Existing.Overwrites() && !a.decodes() {
			return sinks.Resume(a.Destination, a.record.fingerprint(), a.offset, opts).Run(ctx, in)
		}
		return a.Existing.FileSink(a.Destination, opts).Run(ctx, in)
	})
}

// isOther reports whether an answer is about something else than the file that the kept bytes are of, such as the login page of a
// network: it has nothing to tell versions by, another type and another length.
func (a *attempt) isOther(answer sources.Remote) bool {
	v := a.left.Validator
	if !v.Resumable() {
		v = a.record.Validator
	}
	if !v.Resumable() || answer.Validator.ETag != "" || answer.Header == nil {
		return false
	}
	was := cmp.Or(a.left.Type, a.record.Type)
	return was != mediaType(answer.Header) && (v.Size == 0 || v.Size != answer.Size)
}

// notThisFile is the error for such an answer.
func (a *attempt) notThisFile(answer sources.Remote) error {
	size := "of unknown length"
	if answer.Size >= 0 {
		size = "of " + text.Size(answer.Size)
	}
	tag := "without an ETag"
	if weak := answer.Header.Get("ETag"); weak != "" {
		tag = fmt.Sprintf("with the ETag %.100s, which is not a strong one", weak)
	}
	return cli.Errorf(cli.ExitNetwork, "%s: the answer is not this file: it is %s %s, %s", text.RedactURL(a.URL), cmp.Or(mediaType(answer.Header), "of no type,"), size, tag)
}

// decodes reports whether the file is not what comes.
func (a *attempt) decodes() bool { return a.Decode && a.remote.Validator.Coding != "" }

// decode is a stage that undoes the content coding of the answer (RFC 9110 section 8.4.1).
func (a *attempt) decode() pipeline.Stage {
	return pipeline.NewStage("decode", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		select {
		case <-a.begun:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		undo, err := decoders(a.remote.Validator.Coding)
		if err != nil {
			return err
		}
		return undo.Run(ctx, in, out)
	})
}

// decoders undoes content codings, the last one first.
func decoders(coding string) (undo pipeline.Stage, err error) {
	codings := strings.Split(coding, ",")
	for _, c := range slices.Backward(codings) {
		switch strings.TrimSpace(c) {
		case "", "identity":
		case "gzip", "x-gzip":
			undo = undo.Via(stages.Gunzip())
		default:
			return pipeline.Stage{}, cli.Errorf(cli.ExitFailed, "the content coding is %.50q: --decode undoes gzip", coding)
		}
	}
	return undo, nil
}

// supersede removes what was kept of the file before, when the whole of it is there.
func (a *attempt) supersede() {
	if a.left.Validator.Resumable() && !a.Existing.Overwrites() {
		_ = atomicfile.RemovePartial(nil, a.Destination) // the next run would remove it
	}
}

// kept says what is left of an attempt that has failed, and how to resume, if that can help.
func (a *attempt) kept(err error) string {
	hopeless, wrong := isA[*atomicfile.ReplaceError](err), isA[*transfer.DigestError](err)
	left, err := atomicfile.FindPartial(nil, a.Destination)
	if err != nil {
		return ""
	}
	r, ok := parsePartRecord(left.Fingerprint, a.URL)
	if !ok {
		if wrong {
			return "the partial download is removed"
		}
		if a.remote.Header != nil && !a.remote.Validator.Resumable() {
			return "nothing is kept: " + a.remote.NotResumable()
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
