package copytree

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
)

// A verifier reads a copy again before it appears, and compares its digest with that of what the source had.
type verifier struct {
	job  *job
	read hash.Hash // of what the source had
}

// begin computes the digest of the part that an earlier run has copied.
func (v *verifier) begin(ctx context.Context) error {
	v.read, v.job.digests = sha256.New(), []flow.Digest{{Algorithm: "sha256"}}
	if v.job.resumed == 0 {
		return nil
	}
	from, _, root, _ := v.job.names()
	part := sources.FileWith(from, sources.FileOptions{Root: root, Length: v.job.resumed})
	_, err := part.To(sinks.Writer(v.read)).Run(ctx)
	return err
}

// stage computes the digest of what passes.
func (v *verifier) stage() pipeline.Stage {
	return stages.Hash(func() hash.Hash { return v.read }, func([]byte) error { return nil })
}

// check is called when f has all of the copy, which has not appeared yet.
func (v *verifier) check(ctx context.Context, f *os.File) error {
	info, err := f.Stat()
	if err == nil {
		err = dropCached(f)
	}
	if err != nil {
		return fmt.Errorf("%s: cannot be read again: %w", v.job.dst, cli.Cause(err))
	}
	again := sha256.New()
	all := sources.Reader(io.NewSectionReader(f, 0, info.Size()))
	if _, err := all.To(sinks.Writer(again)).Run(ctx); err != nil {
		if e, ok := errors.AsType[*pipeline.Error](err); ok {
			err = fmt.Errorf("%s: cannot be read again: %w", v.job.dst, cli.Cause(e.Err))
		}
		return err
	}
	want, got := v.read.Sum(nil), again.Sum(nil)
	if !bytes.Equal(want, got) {
		return cli.Errorf(cli.ExitIntegrity, "%s: reads back as sha256 %x, and %x was written", v.job.dst, got, want).
			WithHint("the disk, or another program, has changed it")
	}
	v.job.digests[0].Sum = want
	return nil
}
