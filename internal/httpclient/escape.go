package httpclient

import (
	"net/url"
	"strings"
)

// EscapeQuery escapes what must not stand in a query as it is (RFC 3986 section 3.4): package url leaves a space, a quote or a letter
// that is not ASCII in one, and would send it in the request line, of which it is no part (RFC 9112 section 3.2). What is escaped already
// stays byte for byte, since it may be signed. A path needs nothing of the kind.
func EscapeQuery(u *url.URL) { u.RawQuery = escape(u.RawQuery, isNoQuery) }

// EscapePercent escapes each % of a URL that begins no escape, without which package url refuses a path.
func EscapePercent(s string) string { return escape(s, func(byte) bool { return false }) }

// EscapeLocation makes a Location header one that can be parsed: what must not stand in a URL is escaped, also the tab that a
// header may have.
func EscapeLocation(s string) string {
	return escape(s, func(c byte) bool { return c != '#' && isNoQuery(c) })
}

// isNoQuery reports whether a byte must not stand in a query.
func isNoQuery(c byte) bool {
	return c <= ' ' || c >= 0x7f || strings.IndexByte("\"#<>\\^`{|}", c) >= 0
}

// escape escapes the bytes that are bad, and each % that is not followed by two hexadecimal digits.
func escape(s string, bad func(byte) bool) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	done := 0
	for i := range len(s) {
		c := s[i]
		if !bad(c) && (c != '%' || i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2])) {
			continue
		}
		b.WriteString(s[done:i])
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		done = i + 1
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
