package transfer

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/weirflow/weir/sources"
)

// A partRecord is the fingerprint of a download that can be resumed. It says whose bytes the
// partial file has: the next run asks the server whether it still has that version.
type partRecord struct {
	Place     string // digest of the URL's host and path
	Query     string // digest of its query, which may be a secret
	Type      string // media type of the file
	Validator sources.Validator
}

func newPartRecord(address string, r sources.Remote) partRecord {
	place, query := placeDigests(address)
	return partRecord{Place: place, Query: query, Type: mediaType(r.Header), Validator: r.Validator}
}

// mediaType is the Content-Type without its parameters.
func mediaType(h http.Header) string {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// fingerprint is what the sink writes beside the partial file.
func (r partRecord) fingerprint() string {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // a struct of strings and numbers can be marshalled
	}
	return "get " + string(b)
}

// placeDigests are the digests of the host and path of a URL, and of its query.
func placeDigests(address string) (place, query string) {
	u, err := url.Parse(address)
	if err != nil {
		u = &url.URL{Path: address}
	}
	digest := func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	return digest(strings.ToLower(u.Host) + u.EscapedPath()), digest(u.RawQuery)
}

// parsePartRecord finds in a fingerprint which version of the URL's file a partial one is of. The query may be another one, such as a
// fresh signature, if the version is sure to be the same: then it has a strong ETag and a length.
func parsePartRecord(fingerprint, address string) (r partRecord, ok bool) {
	text, is := strings.CutPrefix(fingerprint, "get ")
	if !is || json.Unmarshal([]byte(text), &r) != nil {
		return partRecord{}, false
	}
	place, query := placeDigests(address)
	same := r.Place == place && (r.Query == query || r.Validator.ETag != "" && r.Validator.Size > 0)
	return r, same && r.Validator.Resumable()
}
