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

// beginVerify computes the digest of the part that an earlier run has copied.
func (j *job) beginVerify(ctx context.Context) error {
	j.read, j.digests = sha256.New(), []flow.Digest{{Algorithm: "sha256"}}
	if j.resumed == 0 {
		return nil
	}
	from, _, root, _ := j.names()
	part := sources.FileWith(from, sources.FileOptions{Root: root, Length: j.resumed, MayChange: j.MayChange})
	_, err := part.To(sinks.Writer(j.read)).Run(ctx)
	return err
}

// hash is a stage that computes the digest of what passes.
func (j *job) hash() pipeline.Stage {
	return stages.Hash(func() hash.Hash { return j.read }, func([]byte) error { return nil })
}

// verify reads the copy in f again, which has not appeared yet, and compares its digest with that of what the source had.
func (j *job) verify(ctx context.Context, f *os.File) error {
	info, err := f.Stat()
	if err == nil {
		err = dropCached(f)
	}
	if err != nil {
		return fmt.Errorf("%s: cannot be read again: %w", j.dst, cli.Cause(err))
	}
	again := sha256.New()
	all := sources.Reader(io.NewSectionReader(f, 0, info.Size()))
	if _, err := all.To(sinks.Writer(again)).Run(ctx); err != nil {
		if e, ok := errors.AsType[*pipeline.Error](err); ok {
			err = fmt.Errorf("%s: cannot be read again: %w", j.dst, cli.Cause(e.Err))
		}
		return err
	}
	want, got := j.read.Sum(nil), again.Sum(nil)
	if !bytes.Equal(want, got) {
		return cli.Errorf(cli.ExitIntegrity, "%s: reads back as sha256 %x, and %x was written", j.dst, got, want).
			WithHint("the disk, or another program, has changed it")
	}
	j.digests[0].Sum = want
	return nil
}
