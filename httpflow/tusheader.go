package httpflow

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"net/http"
	"strconv"
	"strings"
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

// parseLength parses a non-negative number of bytes. A field that is absent is -1.
func parseLength(values []string) (n int64, ok bool) {
	if len(values) == 0 {
		return -1, true
	}
	if len(values) > 1 || values[0] == "" || !digits(values[0]) {
		return 0, false
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	return n, err == nil
}

// parseMetadata parses Upload-Metadata: pairs of a key and a value in base64, which may be missing.
// Keys are unique.
func parseMetadata(values []string) (pairs map[string]string, ok bool) {
	pairs = map[string]string{}
	field := strings.Join(values, ",")
	if strings.Trim(field, " ") == "" {
		return pairs, true
	}
	for pair := range strings.SplitSeq(field, ",") {
		key, value, _ := strings.Cut(strings.Trim(pair, " "), " ")
		b, err := base64.StdEncoding.DecodeString(value)
		if _, twice := pairs[key]; key == "" || twice || err != nil {
			return nil, false
		}
		pairs[key] = string(b)
	}
	return pairs, true
}

// A checksum is what the body of one request should have.
type checksum struct {
	hash hash.Hash
	want []byte
}

// parseChecksum parses Upload-Checksum: a name and base64. A field that is absent is nil.
func parseChecksum(values []string) (sum *checksum, ok bool) {
	if len(values) == 0 {
		return nil, true
	}
	name, value, _ := strings.Cut(values[0], " ")
	want, err := base64.StdEncoding.DecodeString(value)
	if newHash := tusHashes[name]; newHash != nil && err == nil && len(values) == 1 {
		sum = &checksum{newHash(), want}
		return sum, len(want) == sum.hash.Size()
	}
	return nil, false
}

func (c *checksum) verify() error {
	if string(c.hash.Sum(nil)) != string(c.want) {
		return errChecksum
	}
	return nil
}
