package httpflow

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// A coding is a content coding (RFC 9110 §8.4.1) and how files in it are named.
type coding struct{ name, suffix string }

// codings are those that siblings are looked for in, best first. The identity needs none.
var codings = []coding{{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}, {"", ""}}

// codingSuffix is how the names of files in the coding end.
func codingSuffix(name string) string {
	if i := slices.IndexFunc(codings, func(c coding) bool { return c.name == name }); i >= 0 {
		return codings[i].suffix
	}
	return ""
}

// prefers tells whether an Accept-Encoding field prefers the coding to none, which it has at least as
// good a weight for.
func prefers(values []string, name string) bool {
	weights := parseAcceptEncoding(values)
	w, ok := weights[name]
	if !ok {
		w = weights["*"]
	}
	return w > 0 && w >= weights[""]
}

// accepted returns the codings that an Accept-Encoding field accepts, the preferred ones first: by
// weight, then in the order of codings (RFC 9110 §12.5.3). It ends with the identity, which is also
// what clients get that accept nothing that there is; §12.5.3 and §15.5.7 allow that instead of a
// 406. Without the field that is all there is.
func accepted(values []string) []coding {
	weights := parseAcceptEncoding(values)
	weight := func(c coding) int {
		w, ok := weights[c.name]
		if !ok && c.name != "" { // "*" is for what is not listed; the identity it can only forbid
			w = weights["*"]
		}
		return w
	}
	list := slices.DeleteFunc(slices.Clone(codings), func(c coding) bool { return c.name != "" && weight(c) == 0 })
	slices.SortStableFunc(list, func(a, b coding) int { return cmp.Compare(weight(b), weight(a)) })
	return list[:slices.Index(list, coding{})+1]
}

// maxWeight is a q of 1. Weights have three decimals at most (RFC 9110 §12.4.2).
const maxWeight = 1000

// parseAcceptEncoding returns the weights of the codings in the field. The identity is "". An
// element in error does not count.
func parseAcceptEncoding(values []string) map[string]int {
	weights := map[string]int{}
	for element := range strings.SplitSeq(strings.Join(values, ","), ",") {
		name, params, weighted := strings.Cut(element, ";")
		name = strings.ToLower(strings.Trim(name, " \t")) // §8.4.1: case-insensitive
		w, ok := maxWeight, true
		if weighted {
			w, ok = parseWeight(params)
		}
		if name == "" || !ok {
			continue
		}
		switch name {
		case "identity":
			name = ""
		case "x-gzip": // §8.4.1.3
			name = "gzip"
		}
		weights[name] = w
	}
	return weights
}

// parseWeight parses what follows the ";": RFC 9110 §12.4.2.
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
