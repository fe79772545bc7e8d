package text

import (
	"fmt"
	"strconv"
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

// QuoteWord quotes a word for a POSIX shell, if it needs it. The words ! [ and ] stay as they are. A word that does not
// print as it is becomes $'…' (POSIX.1-2024, 2.2.4).
func QuoteWord(w string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,+@%^", r) || r > 127
	}
	switch {
	case w == "!" || w == "[" || w == "]":
		return w
	case Printable(w) != w:
		return "$'" + escape(w, dollarQuoted) + "'"
	case w != "" && strings.TrimFunc(w, plain) == "":
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// Printable returns a string as it may go to a terminal, on one line: a line break is written \n, and whatever else does
// not print, such as a control character, which a terminal would obey, as in a Go string literal.
func Printable(s string) string {
	return escape(s, func(part string) string {
		if r, n := utf8.DecodeRuneInString(part); strconv.IsGraphic(r) && (r != utf8.RuneError || n > 1) {
			return part
		}
		quoted := strconv.Quote(part)
		return quoted[1 : len(quoted)-1]
	})
}

// dollarQuoted writes a character between $' and '. Octal numbers have three digits, so that no digit after them is
// taken for another one.
func dollarQuoted(part string) string {
	switch {
	case part == "\n":
		return `\n`
	case part == "\t":
		return `\t`
	case part == "'" || part == `\`:
		return `\` + part
	case Printable(part) == part:
		return part
	}
	var octal strings.Builder
	for i := range len(part) {
		fmt.Fprintf(&octal, `\%03o`, part[i])
	}
	return octal.String()
}

// escape passes each character of a string, and each byte that is no part of one, through write.
func escape(s string, write func(part string) string) string {
	var b strings.Builder
	for s != "" {
		_, n := utf8.DecodeRuneInString(s)
		b.WriteString(write(s[:n]))
		s = s[n:]
	}
	return b.String()
}
