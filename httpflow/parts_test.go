package httpflow

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"

	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/pipeline"
)

// The first bytes that a response gets bring its status with them. They must not be those that
// stand before a part which cannot be read.
func TestPartIsReadBeforeItsHeadIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := representation{size: 1000, kind: "text/plain"}
		ranges := []httpfield.ByteRange{{First: 0, Last: 9}, {First: 20, Last: 29}}
		var got bytes.Buffer
		first := true
		at := readAt(func(p []byte, _ int64) (int, error) {
			if synctest.Wait(); first && got.Len() > 0 {
				t.Errorf("sent before the first read: %q", &got)
			}
			first = false
			return len(p), nil
		})
		sink := pipeline.NewSink("collect", func(ctx context.Context, in *pipeline.Inlet) error { return in.CopyTo(ctx, &got) })
		if _, err := multipart(at, "f", newBoundary(), c, ranges, func() error { return nil }).To(sink).Run(t.Context()); err != nil {
			t.Error(err)
		}
		if n := multipartLength(c, ranges); int64(got.Len()) != n || len(newBoundary()) != boundarySize {
			t.Errorf("%d bytes, want %d", got.Len(), n)
		}
	})
}

type readAt func(p []byte, off int64) (int, error)

func (f readAt) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }
