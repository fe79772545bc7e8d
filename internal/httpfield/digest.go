package httpfield

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"slices"
	"strings"
)

// The digest fields (RFC 9530).
const (
	ReprDigest    = "Repr-Digest"    // of the whole representation, also in a 206
	ContentDigest = "Content-Digest" // of what the body carries
)

// DigestAlgorithms are those of the digest fields that prove something. The others of their registry
// are broken or checksums (RFC 9530 section 5).
var DigestAlgorithms = map[string]func() hash.Hash{"sha-256": sha256.New, "sha-512": sha512.New}

// A Digest is a member of a digest field.
type Digest struct {
	Algorithm string
	Sum       []byte
}

// String returns the member as it stands in the field.
func (d Digest) String() string {
	return d.Algorithm + "=:" + base64.StdEncoding.EncodeToString(d.Sum) + ":"
}

// Digests parses a digest field: a dictionary (RFC 9651 section 3.2), of which the last member of a
// name counts. It returns the digests of the known algorithms. wellFormed is false when the
// dictionary is malformed, which RFC 9651 has ignored as a whole (there are no digests then), and
// when a known algorithm has a value that cannot be its digest (it is left out).
//
// Only what digest fields can have is understood: values that are byte sequences, tokens and numbers.
func Digests(values []string) (known []Digest, wellFormed bool) {
	field := strings.Trim(strings.Join(values, ","), " \t")
	if field == "" {
		return nil, true
	}
	wellFormed = true
	for item := range strings.SplitSeq(field, ",") { // base64, tokens and numbers have no comma
		item, _, _ = strings.Cut(strings.Trim(item, " \t"), ";")
		key, value, _ := strings.Cut(item, "=")
		if !isKey(key) {
			return nil, false
		}
		sum, isBytes, ok := byteSequence(strings.TrimRight(value, " \t"))
		if !ok {
			return nil, false
		}
		known = slices.DeleteFunc(known, func(d Digest) bool { return d.Algorithm == key })
		switch algorithm := DigestAlgorithms[key]; {
		case algorithm == nil:
		case !isBytes || len(sum) != algorithm().Size():
			wellFormed = false
		default:
			known = append(known, Digest{key, sum})
		}
	}
	return known, wellFormed
}

// byteSequence parses a byte sequence (RFC 9651 section 3.3.5). Other values are ok and have no bytes.
func byteSequence(value string) (b []byte, isBytes, ok bool) {
	value, isBytes = strings.CutPrefix(value, ":")
	if !isBytes {
		return nil, false, true
	}
	value, closed := strings.CutSuffix(value, ":")
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
	return b, true, closed && err == nil
}

// isKey reports whether s is a key of a dictionary (RFC 9651 section 3.1.2).
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
