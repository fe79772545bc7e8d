package flow

import (
	"strings"

	"github.com/weirflow/weir/internal/text"
)

// An Error is an error in a flow, at one of its words. Nothing has been opened.
type Error struct {
	Words   []string // the flow as it was given
	At      int      // the index of the word; len(Words) is the end of the flow
	Message string   // what is wrong
	Hint    string   // how to correct it; may be empty

	cause error // of an element; may be nil
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.cause }

// Excerpt returns two lines: the flow, shortened to width columns, and a mark under the word.
// Control characters are replaced.
func (e *Error) Excerpt(width int) string {
	var before, marked, after string
	for i, w := range e.Words {
		w = text.Printable(text.QuoteWord(w))
		switch {
		case i < e.At:
			before += w + " "
		case i == e.At:
			marked = w
		default:
			after += " " + w
		}
	}
	b, m, a := []rune(before), []rune(marked), []rune(after)
	width = max(width, 20)
	if len(m) > width/2 {
		m = append(m[:width/2-1:width/2-1], '…')
	}
	if room := width - len(m) - 1; len(b)+len(a) > room {
		left := min(len(b), max(room/2, room-len(a)))
		if left < len(b) {
			b = append([]rune{'…'}, b[len(b)-left+1:]...)
		}
		if right := max(room-left, 1); right < len(a) {
			a = append(a[:right-1:right-1], '…')
		}
	}
	return string(b) + string(m) + string(a) + "\n" + strings.Repeat(" ", len(b)) + strings.Repeat("^", max(1, len(m)))
}
