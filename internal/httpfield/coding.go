package httpfield

import (
	"strconv"
	"strings"
)

// maxWeight is a q of 1. Weights have three decimals at most (RFC 9110 section 12.4.2).
const maxWeight = 1000

// Codings are the weights of the content codings in an Accept-Encoding field, in thousandths.
type Codings map[string]int

// AcceptEncoding parses an Accept-Encoding field (RFC 9110 section 12.5.3). An element in error does
// not count.
func AcceptEncoding(values []string) Codings {
	weights := Codings{}
	for element := range strings.SplitSeq(strings.Join(values, ","), ",") {
		name, params, weighted := strings.Cut(element, ";")
		name = strings.ToLower(strings.Trim(name, " \t")) // section 8.4.1: case-insensitive
		w, ok := maxWeight, true
		if weighted {
			w, ok = parseWeight(params)
		}
		if name == "" || !ok {
			continue
		}
		if name == "x-gzip" { // section 8.4.1.3
			name = "gzip"
		}
		weights[name] = w
	}
	return weights
}

// Weight is the weight of a coding, 0 if it is not acceptable. "*" is for what is not listed; the
// identity it can only forbid, and 0 for that means that it was not asked for.
func (c Codings) Weight(name string) int {
	w, ok := c[name]
	if !ok && name != "identity" {
		w = c["*"]
	}
	return w
}

// Prefers reports whether the coding is acceptable, and has at least the weight of the identity.
func (c Codings) Prefers(name string) bool {
	w := c.Weight(name)
	return w > 0 && w >= c.Weight("identity")
}

// parseWeight parses what follows the ";".
func parseWeight(s string) (thousandths int, ok bool) {
	s = strings.Trim(s, " \t")
	if len(s) < 3 || s[0] != 'q' && s[0] != 'Q' || s[1] != '=' {
		return 0, false
	}
	whole, fraction, _ := strings.Cut(s[2:], ".")
	if whole != "0" && whole != "1" || len(fraction) > 3 || !digits(fraction) {
		return 0, false
	}
	n, err := strconv.Atoi(whole + (fraction + "000")[:3])
	return n, err == nil && n <= maxWeight
}
