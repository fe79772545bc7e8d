package httpflow

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"strings"
)

// digestSizes are the algorithms of RFC 9530 that are verified, and how many bytes their digests
// have. The others of its registry are broken or checksums.
var digestSizes = map[string]int{"sha-256": sha256.Size, "sha-512": sha512.Size}

// parseDigests parses a digest field: a dictionary (RFC 9651 §3.2) whose members are byte
// sequences, of which the last one of a name counts. It leaves out algorithms that are not known.
// It reports false for what is malformed, although RFC 9651 has it ignored: somebody wanted it
// verified.
func parseDigests(values []string) (sums map[string][]byte, ok bool) {
	field := strings.Trim(strings.Join(values, ","), " \t")
	if field == "" {
		return nil, true
	}
	sums = map[string][]byte{}
	for item := range strings.SplitSeq(field, ",") { // no value that is meant here has a comma
		item, _, _ = strings.Cut(strings.Trim(item, " \t"), ";")
		name, value, _ := strings.Cut(item, "=")
		if !isKey(name) {
			return nil, false
		}
		size, known := digestSizes[name]
		if !known {
			continue
		}
		value, opened := strings.CutPrefix(strings.TrimRight(value, " \t"), ":")
		value, closed := strings.CutSuffix(value, ":")
		sum, err := base64.StdEncoding.DecodeString(value)
		if !opened || !closed || err != nil || len(sum) != size {
			return nil, false
		}
		sums[name] = sum
	}
	return sums, true
}

// isKey tells whether s is a dictionary's key (RFC 9651 §3.1.2).
func isKey(s string) bool {
	for i, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', c == '*':
		case i > 0 && ('0' <= c && c <= '9' || strings.IndexByte("_-.", c) >= 0):
		default:
			return false
		}
	}
	return s != ""
}

func formatDigest(algorithm string, sum []byte) string {
	return algorithm + "=:" + base64.StdEncoding.EncodeToString(sum) + ":"
}
