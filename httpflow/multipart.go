package httpflow

import (
	"context"
	"crypto/rand"
	"io"
	"io/fs"
	"strings"

	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/pipeline"
)

// maxParts is how many ranges one response has at most (RFC 9110 §17.15).
const maxParts = 16

// boundarySize is the length of every boundary, in bytes.
const boundarySize = 26

// newBoundary makes what separates the parts. It has 128 random bits, so no content has it but by
// chance.
func newBoundary() string { return rand.Text() }

// partHead stands before a part (RFC 9110 §14.6).
func partHead(boundary string, c representation, r httpfield.ByteRange) string {
	return "\r\n--" + boundary +
		"\r\nContent-Type: " + c.kind +
		"\r\nContent-Range: " + r.ContentRange(c.size) + "\r\n\r\n"
}

// partsEnd stands after the last part.
func partsEnd(boundary string) string { return "\r\n--" + boundary + "--\r\n" }

// multipartLength is the length of the whole body, framing included.
func multipartLength(c representation, ranges []httpfield.ByteRange) int64 {
	boundary := strings.Repeat("x", boundarySize)
	n := int64(len(partsEnd(boundary)))
	for _, r := range ranges {
		n += int64(len(partHead(boundary, c, r))) + r.Len()
	}
	return n
}

// multipart emits the ranges of at as the body of a multipart/byteranges response, and calls check before its end.
func multipart(at io.ReaderAt, name, boundary string, c representation, ranges []httpfield.ByteRange, check func() error) pipeline.Source {
	return pipeline.NewSource(name, func(ctx context.Context, out *pipeline.Outlet) error {
		out.SetSize(multipartLength(c, ranges))
		w := out.Writer(ctx)
		// Not w's own ReadFrom: that would send the head before it has read the part, and with it
		// the status.
		pack, buf := struct{ io.Writer }{w}, make([]byte, 4<<10)
		for _, r := range ranges {
			if _, err := io.WriteString(w, partHead(boundary, c, r)); err != nil {
				return err
			}
			n, err := io.CopyBuffer(pack, io.NewSectionReader(at, r.First, r.Len()), buf)
			if err != nil {
				return err
			}
			if n < r.Len() {
				return &fs.PathError{Op: "read", Path: name, Err: io.ErrUnexpectedEOF}
			}
		}
		if err := check(); err != nil {
			return err
		}
		if _, err := io.WriteString(w, partsEnd(boundary)); err != nil {
			return err
		}
		return w.Flush()
	})
}
