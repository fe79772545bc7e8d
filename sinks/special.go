package sinks

import (
	"context"

	"github.com/weirflow/weir/pipeline"
)

// pass writes the stream to what cannot be replaced: a FIFO, a device, a descriptor.
func (d *destination) pass(ctx context.Context, in *pipeline.Inlet) (err error) {
	f, err := d.open(ctx)
	if err != nil {
		return d.named(err, d.path)
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	if err := copyTo(ctx, in, f); err != nil {
		return d.named(err, d.path, f.Name())
	}
	if d.old != nil && isBlockDevice(d.old) {
		return d.named(f.Sync(), d.path, f.Name())
	}
	return nil
}
