package httpfield

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A ByteRange is a range of positions, both inclusive, within a representation.
type ByteRange struct{ First, Last int64 }

// Len is the number of bytes in r.
func (r ByteRange) Len() int64 { return r.Last - r.First + 1 }

// ContentRange is the Content-Range field for r of a representation of size bytes (RFC 9110 section
// 14.4).
func (r ByteRange) ContentRange(size int64) string {
	b := append(make([]byte, 0, 48), "bytes "...)
	b = strconv.AppendInt(b, r.First, 10)
	b = strconv.AppendInt(append(b, '-'), r.Last, 10)
	b = strconv.AppendInt(append(b, '/'), size, 10)
	return string(b)
}

// Ranges tells which bytes of a representation of size bytes a Range field asks for: the satisfiable
// ranges in the order of the field, those that overlap or touch made one (RFC 9110 section 15.3.7.2
// permits that). None are left if no range is satisfiable. It reports false if the field is to be
// ignored: absent, given twice, in another unit (section 14.2), malformed, or for an empty
// representation, of which no range could have more than the whole.
func Ranges(values []string, size int64) (ranges []ByteRange, ok bool) {
	if len(values) != 1 || size == 0 {
		return nil, false
	}
	unit, set, found := strings.Cut(values[0], "=")
	if !found || !strings.EqualFold(unit, "bytes") { // section 14.1: case-insensitive
		return nil, false
	}
	empty := true
	for spec := range strings.SplitSeq(set, ",") {
		spec = strings.Trim(spec, " \t")
		if spec == "" { // section 5.6.1.2: empty list elements do not count
			continue
		}
		empty = false
		from, to, found := strings.Cut(spec, "-")
		if !found || from == "" && to == "" || !digits(from) || !digits(to) {
			return nil, false
		}
		r := ByteRange{position(from), size - 1}
		switch last := position(to); {
		case from == "": // suffix-range
			r.First = max(size-last, 0)
		case to != "":
			if less(to, from) { // section 14.1.1: invalid
				return nil, false
			}
			r.Last = min(last, size-1)
		}
		if r.First < size {
			ranges = append(ranges, r)
		}
	}
	return coalesce(ranges), !empty
}

// coalesce joins the ranges that overlap or touch. The result stands where the first of them stood.
func coalesce(ranges []ByteRange) []ByteRange {
	if len(ranges) < 2 {
		return ranges
	}
	type placed struct {
		ByteRange
		place int
	}
	all := make([]placed, len(ranges))
	for i, r := range ranges {
		all[i] = placed{r, i}
	}
	slices.SortFunc(all, func(a, b placed) int { return cmp.Compare(a.First, b.First) })
	merged := all[:1]
	for _, r := range all[1:] {
		if m := &merged[len(merged)-1]; r.First <= m.Last+1 {
			m.Last, m.place = max(m.Last, r.Last), min(m.place, r.place)
		} else {
			merged = append(merged, r)
		}
	}
	slices.SortFunc(merged, func(a, b placed) int { return cmp.Compare(a.place, b.place) })
	ranges = ranges[:len(merged)]
	for i, r := range merged {
		ranges[i] = r.ByteRange
	}
	return ranges
}

// position is the number in s, or the largest there is: past the end of every representation.
func position(s string) int64 {
	if n, ok := number(s); ok {
		return n
	}
	return math.MaxInt64
}

// less compares two numbers of any length.
func less(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}

// A ContentRange is a parsed Content-Range.
type ContentRange struct {
	ByteRange       // -1 and -1 if unsatisfied
	Size      int64 // complete length in bytes; -1 if unknown
}

// ParseContentRange parses "bytes 0-9/10", "bytes 0-9/*" and "bytes */10". It reports false for what
// RFC 9110 section 14.4 calls invalid.
func ParseContentRange(values []string) (r ContentRange, ok bool) {
	if len(values) != 1 {
		return r, false
	}
	unit, rest, _ := strings.Cut(values[0], " ")
	part, whole, found := strings.Cut(rest, "/")
	if !strings.EqualFold(unit, "bytes") || !found {
		return r, false
	}
	r.Size = -1
	if whole != "*" {
		if r.Size, ok = number(whole); !ok {
			return r, false
		}
	}
	if part == "*" {
		r.First, r.Last = -1, -1
		return r, whole != "*"
	}
	first, last, _ := strings.Cut(part, "-")
	var ok1, ok2 bool
	r.First, ok1 = number(first)
	r.Last, ok2 = number(last)
	return r, ok1 && ok2 && r.First <= r.Last && (r.Size < 0 || r.Last < r.Size)
}
