package transfer

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/weirflow/weir/sources"
)

// A partRecord is the fingerprint of a download that can be resumed. It says whose bytes the
// partial file has: the next run asks the server whether it still has that version.
type partRecord struct {
	URL       string // its digest: it may have secrets in it
	Validator sources.Validator
}

func newPartRecord(address string, v sources.Validator) partRecord {
	return partRecord{urlDigest(address), v}
}

// fingerprint is what the sink writes beside the partial file.
func (r partRecord) fingerprint() string {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // a struct of strings and numbers can be marshalled
	}
	return "get " + string(b)
}

// urlDigest does not depend on the user in the URL.
func urlDigest(address string) string {
	if u, err := url.Parse(address); err == nil {
		u.User = nil
		address = u.String()
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(address)))
}

// parsePartRecord finds in a fingerprint, which version of the URL's file a partial one is of.
func parsePartRecord(fingerprint, address string) (r partRecord, ok bool) {
	text, is := strings.CutPrefix(fingerprint, "get ")
	if !is || json.Unmarshal([]byte(text), &r) != nil {
		return partRecord{}, false
	}
	return r, r.URL == urlDigest(address) && r.Validator.Resumable()
}
