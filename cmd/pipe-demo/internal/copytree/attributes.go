package copytree

import (
	"context"
	"os"

	"github.com/weirflow/weir/internal/filelimit"
)

// readAttributes reads what a copy will have, or what it must not widen.
func (o *Copy) readAttributes(ctx context.Context, open func() (*os.File, error)) (a attributes) {
	err := filelimit.Retry(ctx, func() error {
		f, err := open()
		if err != nil {
			return err
		}
		defer f.Close()
		a = attributesOf(f, o.Preserve)
		return nil
	})
	if err != nil {
		return unknownAttributes(err)
	}
	return a
}
