package text_test

import (
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
	if got, want := text.Printable("a\x1b[2J\n\u009bé"), `a\x1b[2J\n\u009bé`; got != want {
		t.Errorf("got %q, want %q", got, want)
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
