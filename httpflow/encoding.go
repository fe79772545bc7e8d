package httpflow

import (
	"cmp"
	"slices"

	"github.com/weirflow/weir/internal/httpfield"
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

// accepted returns the codings that an Accept-Encoding field accepts, the preferred ones first: by
// weight, then in the order of codings (RFC 9110 §12.5.3). It ends with the identity, which is also
// what clients get that accept nothing that there is; §12.5.3 and §15.5.7 allow that instead of a
// 406. Without the field that is all there is.
func accepted(values []string) []coding {
	weights := httpfield.AcceptEncoding(values)
	weight := func(c coding) int { return weights.Weight(cmp.Or(c.name, "identity")) }
	list := slices.DeleteFunc(slices.Clone(codings), func(c coding) bool { return c.name != "" && weight(c) == 0 })
	slices.SortStableFunc(list, func(a, b coding) int { return cmp.Compare(weight(b), weight(a)) })
	return list[:slices.Index(list, coding{})+1]
}
