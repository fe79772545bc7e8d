package sinks

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/fileid"
	"github.com/weirflow/weir/pipeline"
)

// maxFingerprint is how long a fingerprint may be, in bytes.
const maxFingerprint = 64 << 10

// Resume is [FileWith] for a stream that can be resumed: it goes to .NAME.part, which stays when the run fails
// or is cancelled, and with it, in .NAME.part.id, the fingerprint of the source, like an ETag. [Partial] returns
// both for the next run.
//
// offset is where in the file the stream begins, in bytes: the offset that Partial returned. 0 begins a new
// partial file. If there is less by now, the run fails. So does a second run to the same name at once.
func Resume(name, fingerprint string, offset int64, opts FileOptions) pipeline.Sink {
	return pipeline.NewSink(atomicfile.PathIn(opts.Root, name), func(ctx context.Context, in *pipeline.Inlet) error {
		switch {
		case fingerprint == "":
			return errors.New("the fingerprint is empty: want one that tells the source from others")
		case len(fingerprint) > maxFingerprint:
			return fmt.Errorf("a fingerprint of %d bytes: want at most %d", len(fingerprint), maxFingerprint)
		case offset < 0:
			return fmt.Errorf("offset %d: want 0 or more bytes", offset)
		}
		opts := opts
		if offset > 0 {
			opts.InPlace = nil // which would lose what is there
		}
		return opts.write(ctx, in, name, func(d *atomicfile.Destination, o atomicfile.Options) (*atomicfile.File, error) {
			return d.Resume(fingerprint, offset, o)
		})
	}).Writes(false, func() any { return place(fileid.PlaceOf(opts.Root, name)) })
}

// Partial returns what a run of [Resume] to the file called name left that did not succeed: its fingerprint,
// and how many bytes of the source are there. Both are zero if there is nothing, or nothing that can be
// identified. A run with this fingerprint and offset resumes with a stream that begins there. root is that of
// [FileOptions] and may be nil.
//
// Bytes count when they were synced: when the run fails or is cancelled, and during the run every 64 MiB
// or 2 s. What a killed run wrote after that is written again. With SyncNone they count when they were
// written, and a crash of the system may have made zeros of them.
func Partial(root *os.Root, name string) (fingerprint string, offset int64, err error) {
	p, err := atomicfile.FindPartial(root, name)
	return p.Fingerprint, p.Offset, err
}
