package text

import "strings"

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
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// Printable replaces each control character, which a terminal would obey, with a question mark.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 127 || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
