package main

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/weirflow/weir/sources"
)

// A partRecord is the fingerprint of a download that can be continued. It says whose bytes the
// partial file has: the next run asks the server whether it still has that version.
type partRecord struct {
	URL       string // its digest: it may have secrets in it
	Validator sources.Validator
	Begun     string // tells downloads apart that have begun anew
}

func newPartRecord(address string, v sources.Validator) partRecord {
	return partRecord{urlDigest(address), v, rand.Text()}
}

// fingerprint is what the sink writes beside the partial file.
func (r partRecord) fingerprint() string {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // a struct of strings and numbers can be marshalled
	}
	return "get " + string(b)
}

// urlDigest does not depend on who asks.
func urlDigest(address string) string {
	if u, err := url.Parse(address); err == nil {
		u.User = nil
		address = u.String()
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(address)))
}

// readPartRecord finds in what the sink keeps beside a partial file, which version of the URL's
// file its bytes are of. The sink looks at the whole of it itself, when it is asked about the
// fingerprint.
func readPartRecord(part, address string) (r partRecord, ok bool) {
	f, err := os.Open(part + ".id")
	if err != nil {
		return r, false
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() && !ok {
		if quoted, is := strings.CutPrefix(lines.Text(), "weir-part-1 "); is {
			ok = r.parse(quoted)
		}
	}
	return r, ok && r.URL == urlDigest(address) && r.Validator.Resumable()
}

// parse reads a quoted fingerprint; what follows it does not matter.
func (r *partRecord) parse(s string) bool {
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return false
	}
	fingerprint, err := strconv.Unquote(quoted)
	if err != nil {
		return false
	}
	text, is := strings.CutPrefix(fingerprint, "get ")
	return is && json.Unmarshal([]byte(text), r) == nil
}
