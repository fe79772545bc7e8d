package httpfield

import "strings"

// TagMatches reports whether one of the entity tags in a list is etag, with its quotes and the W/ of a weak one,
// or "" where the resource has none (RFC 9110 section 8.8.3.2). In strong comparison, a weak tag matches nothing.
// "*" matches everything that exists. A list with an error in it matches up to there.
func TagMatches(values []string, etag string, strong bool) bool {
	list := strings.Join(values, ",")
	if strings.Trim(list, " \t") == "*" {
		return true
	}
	own, ownWeak := strings.CutPrefix(etag, "W/")
	for {
		list = strings.TrimLeft(list, ", \t")
		tag, weak, rest, ok := CutTag(list)
		if !ok {
			return false
		}
		if own != "" && tag == own && !(strong && (weak || ownWeak)) {
			return true
		}
		list = strings.TrimLeft(rest, " \t")
		if list != "" && list[0] != ',' {
			return false
		}
	}
}

// CutTag takes the entity tag at the beginning of s (RFC 9110 section 8.8.3). The tag is without its
// W/, and with its quotes.
func CutTag(s string) (tag string, weak bool, rest string, ok bool) {
	s, weak = strings.CutPrefix(s, "W/")
	if s == "" || s[0] != '"' {
		return "", false, "", false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[:i+1], weak, s[i+1:], true
		case c < 0x21 || c == 0x7f: // anything else is etagc or obs-text
			return "", false, "", false
		}
	}
	return "", false, "", false
}

// IsStrongTag reports whether s is one strong entity tag and nothing else.
func IsStrongTag(s string) bool {
	_, weak, rest, ok := CutTag(s)
	return ok && !weak && rest == ""
}
