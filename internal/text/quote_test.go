package text_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/weirflow/weir/internal/text"
)

func TestQuote(t *testing.T) {
	words := []string{"a b", "!", "[", "it's", "", "level=9", "größe", "x*", "]"}
	if got, want := text.Quote(words), `'a b' ! [ 'it'\''s' '' level=9 größe 'x*' ]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPrintable(t *testing.T) {
	for s, want := range map[string]string{
		"":                          "",
		"a\x1b[2J\n\u009bé":         `a\x1b[2J\n\u009bé`,
		"\xff\r\t\x00\x7f":          `\xff\r\t\x00\x7f`,
		"\u202egpj.exe":             `\u202egpj.exe`, // would be drawn from right to left
		`"it's" \ a\nb` + "\u00a0�": `"it's" \ a\nb` + "\u00a0�",
	} {
		if got := text.Printable(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

// A shell gets back the word that was quoted, whatever is in it.
func TestQuotedForAShell(t *testing.T) {
	words := []string{"a\nb", "\x1b[31m'red'", "\xff1", "\u009b2", `\` + "\r\t'", "\x7f7é", "-n", "'", "a b"}
	for i, want := range []string{`$'a\nb'`, `$'\033[31m\'red\''`, `$'\3771'`, `$'\302\2332'`, `$'\\\015\t\''`, `$'\1777é'`} {
		if got := text.QuoteWord(words[i]); got != want {
			t.Errorf("%q: got %s, want %s", words[i], got, want)
		}
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("SKIPPED: needs bash")
	}
	out, err := exec.CommandContext(t.Context(), bash, "-c", `printf '%s\0' `+text.Quote(words)).Output()
	if want := strings.Join(words, "\x00") + "\x00"; err != nil || string(out) != want {
		t.Errorf("bash: %v\n got %q\nwant %q", err, out, want)
	}
}

func TestLists(t *testing.T) {
	for want, names := range map[string][]string{"": nil, "a": {"a"}, "a or b": {"a", "b"}, "a, b or c": {"a", "b", "c"}} {
		if got := text.OrList(names); got != want {
			t.Errorf("OrList(%q) = %q, want %q", names, got, want)
		}
	}
	for n, want := range map[int]string{0: "0 files", 1: "1 file", 2: "2 files"} {
		if got := text.Plural(n, "file"); got != want {
			t.Errorf("Plural(%d) = %q, want %q", n, got, want)
		}
	}
}
