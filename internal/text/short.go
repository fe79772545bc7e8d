package text

import (
	"strings"
	"unicode/utf8"
)

// shortest is how many characters of a path or URL a name has at most.
const shortest = 60

// ShortPath returns a path that is long as "…" and its end: the name for the node that reads or writes the file.
func ShortPath(path string) string {
	if path == "" {
		return `""`
	}
	end := lastRunes(path, shortest-1)
	if len(end) == len(path) {
		return path
	}
	if i := strings.IndexAny(end, `/\`); i >= 0 && i < len(end)-1 {
		end = end[i:] // whole elements, if the last one leaves room
	}
	return "…" + end
}

// ShortURL returns a URL that is long with "…" for the middle of its path.
func ShortURL(address string) string {
	if utf8.RuneCountInString(address) <= shortest {
		return address
	}
	scheme, rest, ok := strings.Cut(address, "://")
	host, path, found := strings.Cut(rest, "/")
	if !ok || !found {
		return address
	}
	start := scheme + "://" + host + "/"
	end := lastRunes(path, max(20, shortest-1-utf8.RuneCountInString(start)))
	if len(end) == len(path) {
		return address
	}
	if i := strings.IndexByte(end, '/'); i >= 0 && i < len(end)-1 {
		end = end[i:]
	}
	return start + "…" + end
}

// lastRunes returns the last n characters of s.
func lastRunes(s string, n int) string {
	i := len(s)
	for ; n > 0 && i > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(s[:i])
		i -= size
	}
	return s[i:]
}
