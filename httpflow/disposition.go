package httpflow

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// attachment is a Content-Disposition that has the client save the content under name, a file's
// name without its directory (RFC 6266). A name that is not plain ASCII is given twice, as appendix D
// advises: in short for old clients, then encoded by RFC 8187. Control characters and separators of
// paths become "_" in both, so that no name can end the field or leave a directory.
func attachment(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '/' || r == '\\' {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	plain := strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf || r == '"' || r == '%' { // appendix D: some clients decode a "%"
			return '_'
		}
		return r
	}, name)
	field := `attachment; filename="` + plain + `"`
	if plain != name {
		field += "; filename*=UTF-8''" + extended(name)
	}
	return field
}

// extended is the ext-value of RFC 8187 §3.2.1, without charset and language.
func extended(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if attrChar(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// attrChar reports whether c may stand for itself: RFC 8187 §3.2.1.
func attrChar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("!#$&+-.^_`|~", c) >= 0
}
