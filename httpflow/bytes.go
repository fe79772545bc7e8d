package httpflow

import (
	"bytes"
	"net/http"
	"sync"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sources"
)

// Bytes serves b at "/" and at "/" followed by name; see [BytesWith].
func Bytes(name string, b []byte) http.Handler { return BytesWith(name, b, FileOptions{}) }

// BytesWith serves b, which nobody may change any more, at "/" and at "/" followed by name.
// Anything else is 404. The name also decides about the media type. The entity tag is a hash of b,
// made at the first request; there is no Last-Modified.
func BytesWith(name string, b []byte, opts FileOptions) http.Handler {
	etag := sync.OnceValue(func() string { return hashTag(b) })
	return single{name, opts, func() (*resource, error) {
		kind, err := mediaType(name, func() ([]byte, error) { return b, nil })
		if err != nil {
			return nil, err
		}
		return &resource{
			content: content{size: int64(len(b)), etag: etag(), kind: kind},
			name:    name,
			source:  func(offset, length int64) pipeline.Source { return sources.Bytes(b[offset : offset+length]) },
			at:      bytes.NewReader(b),
			close:   func() error { return nil },
		}, nil
	}}
}
