package text

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Quote joins words into a line that a shell splits into the same words.
func Quote(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = QuoteWord(w)
	}
	return strings.Join(quoted, " ")
}

// QuoteWord quotes a word for a POSIX shell, if it needs it. The words ! [ and ] stay as they are.
func QuoteWord(w string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,+@%^", r) || r > 127
	}
	switch {
	case w == "!" || w == "[" || w == "]":
		return w
	case w != "" && strings.TrimFunc(w, plain) == "":
		return w
	}
	if Printable(w) != w { // POSIX.1-2024, and bash, zsh and ksh before it
		return "$'" + escape(strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(w)) + "'"
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// Printable returns s with each control character, which a terminal would obey, as Go and a shell escape it: \n, \x1b.
func Printable(s string) string { return escape(s) }

func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }

func escape(s string) string {
	if !strings.ContainsFunc(s, isControl) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case !isControl(r):
			_, size := utf8.DecodeRuneInString(s[i:])
			b.WriteString(s[i : i+size]) // bytes that are not UTF-8, too
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
