package httpflow

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"net/http"
	"strconv"
	"strings"

	"github.com/weirflow/weir/internal/httpfield"
)

// What a receiver speaks: tus 1.0.
const (
	tusVersion             = "1.0.0"
	tusExtensions          = "creation,creation-with-upload,creation-defer-length,termination,checksum,expiration"
	tusChecksums           = "sha1,sha256,sha512"
	tusContent             = "application/offset+octet-stream"
	statusChecksumMismatch = 460
)

var tusHashes = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

// tusOptions is the answer to OPTIONS.
func tusOptions(upload bool, opts ReceiverOptions) http.Header {
	h := http.Header{
		"Allow":                  {allowed(upload)},
		"Tus-Resumable":          {tusVersion},
		"Tus-Version":            {tusVersion},
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
	hash hash.Hash
	want []byte
}

// parseChecksum parses Upload-Checksum. A field that is absent is nil.
func parseChecksum(values []string) (sum *checksum, ok bool) {
	algorithm, want, ok := httpfield.UploadChecksum(values)
	if algorithm == "" || !ok {
		return nil, ok
	}
	newHash := tusHashes[algorithm]
	if newHash == nil {
		return nil, false
	}
	sum = &checksum{newHash(), want}
	return sum, len(want) == sum.hash.Size()
}

func (c *checksum) verify() error {
	if string(c.hash.Sum(nil)) != string(c.want) {
		return errChecksum
	}
	return nil
}
