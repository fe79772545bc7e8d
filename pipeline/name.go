package pipeline

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// longestName is how many characters of a name a node has, not counting quotes and escapes.
const longestName = 64

// nodeName returns the name of a node as errors, statistics, profiles and drawings have it. A long path or URL
// loses its middle: both its beginning (the host, the root of a tree) and its end tell it from others.
func nodeName(name string) string {
	if utf8.RuneCountInString(name) <= longestName {
		return quoted(name)
	}
	r := []rune(name)
	head := string(r[:longestName/3])
	if scheme, rest, ok := strings.Cut(name, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		head = scheme + "://" + host + "/"
		head = string(r[:min(utf8.RuneCountInString(head), longestName*2/3)])
	} else if i := strings.LastIndexAny(head, `/\`); i > 0 {
		head = head[:i+1]
	}
	tail := string(r[len(r)-(longestName-1-utf8.RuneCountInString(head)):])
	if i := strings.IndexAny(tail, `/\`); i >= 0 && i < len(tail)-1 {
		tail = tail[i:]
	}
	return quoted(head + "…" + tail)
}

// quoted returns a name as a Go string literal if it is empty, does not print as it is (a line break, a control
// character, bytes that are not UTF-8), or has a space at an end or a quote at its beginning.
func quoted(name string) string {
	if name == "" || strings.TrimSpace(name) != name || name[0] == '"' || !utf8.ValidString(name) ||
		strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}
