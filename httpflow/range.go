package httpflow

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A byteRange is a range of positions, both inclusive, that lies within the content.
type byteRange struct{ first, last int64 }

func (r byteRange) length() int64 { return r.last - r.first + 1 }

// contentRange is the Content-Range field for r of a content of the given size (RFC 9110 §14.4).
func (r byteRange) contentRange(size int64) string {
	b := append(make([]byte, 0, 48), "bytes "...)
	b = strconv.AppendInt(b, r.first, 10)
	b = strconv.AppendInt(append(b, '-'), r.last, 10)
	b = strconv.AppendInt(append(b, '/'), size, 10)
	return string(b)
}

// parseRange says which bytes of a content of the given size a Range field asks for: the
// satisfiable ranges in the order of the field, those that overlap or touch made one (RFC 9110
// §15.3.7.2 permits that). None are left if no range is satisfiable. It reports false if the field
// is to be ignored: absent, given twice, in another unit (§14.2), in error, or for an empty
// content, of which no range could say more than the whole.
func parseRange(values []string, size int64) (ranges []byteRange, ok bool) {
	if len(values) != 1 || size == 0 {
		return nil, false
	}
	unit, set, found := strings.Cut(values[0], "=")
	if !found || !strings.EqualFold(unit, "bytes") { // §14.1: case-insensitive
		return nil, false
	}
	empty := true
	for spec := range strings.SplitSeq(set, ",") {
		spec = strings.Trim(spec, " \t")
		if spec == "" { // §5.6.1.2: empty list elements do not count
			continue
		}
		empty = false
		from, to, found := strings.Cut(spec, "-")
		if !found || from == "" && to == "" || !digits(from) || !digits(to) {
			return nil, false
		}
		r := byteRange{position(from), size - 1}
		switch last := position(to); {
		case from == "": // suffix-range
			r.first = max(size-last, 0)
		case to != "":
			if less(to, from) { // §14.1.1: invalid
				return nil, false
			}
			r.last = min(last, size-1)
		}
		if r.first < size {
			ranges = append(ranges, r)
		}
	}
	return coalesce(ranges), !empty
}

// coalesce makes one of the ranges that overlap or touch. It stands where the first of them stood.
func coalesce(ranges []byteRange) []byteRange {
	if len(ranges) < 2 {
		return ranges
	}
	type placed struct {
		byteRange
		place int
	}
	all := make([]placed, len(ranges))
	for i, r := range ranges {
		all[i] = placed{r, i}
	}
	slices.SortFunc(all, func(a, b placed) int { return cmp.Compare(a.first, b.first) })
	merged := all[:1]
	for _, r := range all[1:] {
		if m := &merged[len(merged)-1]; r.first <= m.last+1 {
			m.last, m.place = max(m.last, r.last), min(m.place, r.place)
		} else {
			merged = append(merged, r)
		}
	}
	slices.SortFunc(merged, func(a, b placed) int { return cmp.Compare(a.place, b.place) })
	ranges = ranges[:len(merged)]
	for i, r := range merged {
		ranges[i] = r.byteRange
	}
	return ranges
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// position is the number in s, or the largest there is: past the end of every content.
func position(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return math.MaxInt64
	}
	return n
}

// less compares two numbers of any length.
func less(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}
