// Package httpfield parses and formats the header fields that both sides of HTTP use: one parser for
// each field. It knows syntax, not policy: what a malformed field means is for the caller to decide.
// Functions that take values want all of a field's lines, as in [net/http.Header].
package httpfield

import (
	"net/http"
	"strconv"
	"time"
)

// Date parses a field that holds one date. It reports false for anything else, more than one date
// included: RFC 9110 has such a field ignored (section 13.1.3, for example).
func Date(values []string) (time.Time, bool) {
	if len(values) != 1 {
		return time.Time{}, false
	}
	t, err := http.ParseTime(values[0])
	return t, err == nil
}

// digits reports whether s has nothing but digits; so has the empty string.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// number parses 1*DIGIT, which has no sign, as an int64.
func number(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err == nil
}
