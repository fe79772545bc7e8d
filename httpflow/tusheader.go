package httpflow

import (
	"bytes"
	"hash"
	"net/http"
	"strconv"
	"strings"

	"github.com/weirflow/weir/internal/httpfield"
	"github.com/weirflow/weir/tus"
)

// What a receiver of tus 1.0 can do.
const (
	tusExtensions = "creation,creation-with-upload,creation-defer-length,termination,checksum,expiration"
	tusChecksums  = "sha1,sha256,sha512" // the keys of tus.Checksums
)

// tusOptions is the answer to OPTIONS.
func tusOptions(upload bool, opts ReceiverOptions) http.Header {
	h := http.Header{
		"Allow":                  {allowed(upload)},
		"Tus-Resumable":          {tus.Version},
		"Tus-Version":            {tus.Version},
		"Tus-Extension":          {tusExtensions},
		"Tus-Checksum-Algorithm": {tusChecksums},
	}
	if opts.Expires < 0 {
		h.Set("Tus-Extension", strings.TrimSuffix(tusExtensions, ",expiration"))
	}
	if opts.MaxSize > 0 {
		h.Set("Tus-Max-Size", strconv.FormatInt(opts.MaxSize, 10))
	}
	return h
}

// A checksum is what the body of one request should have.
type checksum struct {
	begin func() hash.Hash
	want  []byte
}

// parseChecksum parses Upload-Checksum. A field that is absent is nil.
func parseChecksum(values []string) (sum *checksum, ok bool) {
	algorithm, want, ok := httpfield.UploadChecksum(values)
	if algorithm == "" || !ok {
		return nil, ok
	}
	begin := tus.Checksums[algorithm]
	if begin == nil || len(want) != begin().Size() {
		return nil, false
	}
	return &checksum{begin, want}, true
}

func (c *checksum) verify(sum []byte) error {
	if !bytes.Equal(sum, c.want) {
		return errChecksum
	}
	return nil
}
