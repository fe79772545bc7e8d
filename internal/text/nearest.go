package text

import (
	"slices"
	"strings"
)

// Nearest returns the few known names that a mistyped one probably meant, the best first.
func Nearest(name string, known []string) []string {
	type candidate struct {
		name string
		cost int
	}
	var found []candidate
	low := strings.ToLower(name)
	if len(low) < 2 {
		return nil // everything short is near
	}
	limit := max(1, (len(low)+1)/3)
	for _, k := range known {
		cost := editDistance(low, strings.ToLower(k))
		switch {
		case cost <= limit:
		case len(low) > 1 && strings.HasPrefix(k, low), len(k) > 2 && strings.HasPrefix(low, k):
			cost = limit + 1
		default:
			continue
		}
		found = append(found, candidate{k, cost})
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.cost - b.cost })
	var names []string
	for _, c := range found {
		if c.cost > found[0].cost+1 || len(names) == 3 {
			break
		}
		names = append(names, c.name)
	}
	return names
}

// editDistance is the Damerau-Levenshtein distance in its restricted form: insert, delete, replace, or swap two
// neighbours, no piece of text edited twice. It counts bytes, which is right for names in ASCII.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// DidYouMean is the hint for a mistyped name; empty when nothing is near.
func DidYouMean(name string, known []string) string {
	names := Nearest(name, known)
	if len(names) == 0 {
		return ""
	}
	return "did you mean " + OrList(names) + "?"
}
