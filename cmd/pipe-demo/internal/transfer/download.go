// Package transfer is the commands get and put: downloads and uploads that a later run resumes.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/retry"
	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/transfer"
)

// maxRestarts is how often a download begins again because the file has changed meanwhile, or what was kept of it is wrong.
const maxRestarts = 3

// A Download is a file to be downloaded, and how.
type Download struct {
	Console     *cli.Console
	URL         string
	Destination string     // a file, a directory, or "-" for standard output
	SHA256      cli.SHA256 // of the file
	MaxSize     cli.Size
	Decode      bool         // undo the content coding that the server has sent
	Timeout     cli.Duration // how long the server may make no progress; 0: the default
	Retries     int          // in a row
	Existing    cli.Existing
	Limits      cli.Limits

	dir cli.Directory // of Destination
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
	a, err := d.newAttempt(nil)
	if err != nil {
		return err
	}
	if a.offset > 0 {
		d.Console.Note("%s: resuming at %s", d.Destination, text.Size(a.offset))
	}
	if d.Destination != "-" {
		t.Partial = func(err error) string { return a.kept(err) }
	}
	t.Start()
	report, err := t.Attempt(ctx, a.flow)
	for n := (counts{}); err != nil; {
		next, aerr := d.again(ctx, a, err, &n)
		if aerr != nil {
			err = aerr
			break
		}
		a = next
		report, err = t.Attempt(ctx, a.flow)
	}
	if err == nil {
		a.supersede()
	}
	if err = t.End(report, err); err == nil && d.Destination != "-" {
		d.Console.Note("%s: %s received", d.Destination, text.Size(cli.ProgressOf(report).Done))
	}
	return err
}

// counts are how often a download has begun again, for each reason.
type counts struct{ changed, broken int }

// again returns the attempt that follows one that has failed with err, if another one from the first byte on may succeed; otherwise the
// error of the download. What is kept of the file stays meanwhile: the sink of the new attempt decides when it is replaced.
func (d *Download) again(ctx context.Context, a *attempt, err error, n *counts) (*attempt, error) {
	shown := text.RedactURL(d.URL)
	broken, network := errors.AsType[*transfer.NetworkError](err)
	changed, isChanged := errors.AsType[*sources.ChangedError](err)
	_, wrong := errors.AsType[*transfer.DigestError](err)
	switch {
	case ctx.Err() != nil, d.Destination == "-":
		return nil, err
	case network && !broken.Resumable: // what has come is of no use
		if n.broken == d.Retries {
			return nil, err
		}
		n.broken++
		wait := retry.Delay(n.broken, 0, transfer.Retry{}.WithDefaults().MaxWait)
		d.Console.Retry("GET "+plainURL(d.URL), n.broken, wait, fmt.Errorf("%w; it cannot be resumed, for %s", broken.Err, a.remote.NotResumable()))
		if serr := retry.Sleep(ctx, wait); serr != nil {
			return nil, serr
		}
	case network:
		return nil, err
	case isChanged && a.isOther(changed.Answer):
		return nil, a.notThisFile(changed.Answer)
	case wrong && a.offset == 0 && a.record.Validator.Resumable(): // the partial file is this attempt's
		return nil, errors.Join(err, atomicfile.RemovePartial(nil, d.Destination))
	case wrong && a.offset == 0:
		return nil, err
	case isChanged, wrong:
		if n.changed == maxRestarts {
			return nil, err
		}
		n.changed++
		d.Console.Restart(d.Destination, shown, n.changed, err)
	default:
		return nil, err
	}
	return d.newAttempt(a)
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
	d.dir = cli.LookAtDirectory(cli.Dir(d.Destination))
	return nil
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
