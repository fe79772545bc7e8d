package httpkit

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"net/http"
	"slices"
	"strings"
)

// The digest fields (RFC 9530).
const (
	ReprDigest    = "Repr-Digest"    // of the whole file, also in a 206
	ContentDigest = "Content-Digest" // of what the body carries
)

// DigestAlgorithms are those of the fields that prove something. The others of their registry are
// broken or checksums.
var DigestAlgorithms = map[string]func() hash.Hash{"sha-256": sha256.New, "sha-512": sha512.New}

// Digest is a member of a digest field.
type Digest struct {
	Algorithm string
	Sum       []byte
}

// String returns the member as it stands in the field.
func (d Digest) String() string {
	return d.Algorithm + "=:" + base64.StdEncoding.EncodeToString(d.Sum) + ":"
}

// Digests returns those in a header or trailer that can be verified.
func Digests(h http.Header, field string) (known []Digest) {
	for _, d := range byteSequences(strings.Join(h.Values(field), ", ")) {
		if algorithm := DigestAlgorithms[d.Algorithm]; algorithm != nil && len(d.Sum) == algorithm().Size() {
			known = append(known, d)
		}
	}
	return known
}

// byteSequences returns the members of a structured dictionary (RFC 9651 section 3.2) that are byte
// sequences, without their parameters. A field that is not well-formed is as good as none. Only
// what digest fields can have is understood: values that are byte sequences, tokens and numbers.
func byteSequences(field string) (members []Digest) {
	if strings.TrimSpace(field) == "" {
		return nil
	}
	for item := range strings.SplitSeq(field, ",") { // base64, tokens and numbers have no comma
		item, _, _ = strings.Cut(strings.Trim(item, " \t"), ";")
		key, value, valued := strings.Cut(item, "=")
		if !isKey(key) {
			return nil
		}
		members = slices.DeleteFunc(members, func(m Digest) bool { return m.Algorithm == key }) // the last one counts
		if !valued || !strings.HasPrefix(value, ":") {
			continue
		}
		text, closed := strings.CutSuffix(value[1:], ":")
		if !closed {
			return nil
		}
		sum, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
		if err != nil {
			return nil
		}
		members = append(members, Digest{key, sum})
	}
	return members
}

// isKey reports whether s is a key of a dictionary.
func isKey(s string) bool {
	for i, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', c == '*':
		case i > 0 && ('0' <= c && c <= '9' || c == '_' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return s != ""
}
