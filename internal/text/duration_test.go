package text_test

import (
	"testing"
	"time"

	"github.com/weirflow/weir/internal/text"
)

func TestDuration(t *testing.T) {
	for in, want := range map[time.Duration]string{
		0: "0:00", 400 * time.Microsecond: "0.4ms", 40 * time.Millisecond: "40ms", 4200 * time.Millisecond: "4.2s", 42 * time.Second: "0:42", 12*time.Minute + 4600*time.Millisecond: "12:05",
		3723 * time.Second: "1:02:03",
	} {
		if got := text.Duration(in); got != want {
			t.Errorf("Duration(%v) = %q, want %q", in, got, want)
		}
	}
}
