package httpfield

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
)

// UploadLength parses Upload-Length or Upload-Offset of tus: a number of bytes. A field that is absent
// is -1.
func UploadLength(values []string) (n int64, ok bool) {
	switch len(values) {
	case 0:
		return -1, true
	case 1:
		return number(values[0])
	}
	return 0, false
}

// UploadMetadata parses Upload-Metadata of tus: pairs of a key and a value in base64, which may be
// missing. Keys are unique.
func UploadMetadata(values []string) (pairs map[string]string, ok bool) {
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

// FormatUploadMetadata returns the field for pairs, sorted by key. Keys must have no spaces and no
// commas.
func FormatUploadMetadata(pairs map[string]string) string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		list = append(list, strings.TrimRight(key+" "+base64.StdEncoding.EncodeToString([]byte(pairs[key])), " "))
	}
	return strings.Join(list, ",")
}

// UploadChecksum parses Upload-Checksum of tus: an algorithm and a sum in base64. A field that is
// absent has no algorithm.
func UploadChecksum(values []string) (algorithm string, sum []byte, ok bool) {
	if len(values) == 0 {
		return "", nil, true
	}
	algorithm, value, _ := strings.Cut(values[0], " ")
	sum, err := base64.StdEncoding.DecodeString(value)
	return algorithm, sum, err == nil && len(values) == 1 && algorithm != ""
}

// FormatUploadChecksum returns the field for a sum.
func FormatUploadChecksum(algorithm string, sum []byte) string {
	return algorithm + " " + base64.StdEncoding.EncodeToString(sum)
}
