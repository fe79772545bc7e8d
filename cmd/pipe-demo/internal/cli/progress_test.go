package cli

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirflow/weir/internal/text"
)

func TestProgressLine(t *testing.T) {
	half := Progress{Done: 1 << 29, Total: 1 << 30, Written: 1 << 28, Rate: 100 << 20, Bottleneck: "gzip"}
	for _, test := range []struct {
		name  string
		p     Progress
		width int
		want  string
	}{
		{"wide", half, 120, "512 MiB of 1.0 GiB   50%  [====================>                   ]  100 MiB/s  ETA 0:06  ratio 0.500  slowest: gzip"},
		{"terminal", half, 100, "512 MiB of 1.0 GiB   50%  [===========>           ]  100 MiB/s  ETA 0:06  ratio 0.500  slowest: gzip"},
		{"80 columns", half, 79, "512 MiB of 1.0 GiB   50%  [========>        ]  100 MiB/s  ETA 0:06  ratio 0.500"},
		{"50 columns", half, 50, "512 MiB of 1.0 GiB   50%  100 MiB/s  ETA 0:06"},
		{"30 columns", half, 30, "512 MiB of 1.0 GiB   50%"},
		{"10 columns", half, 10, "512 MiB of"},
		{"none", half, 0, ""},
		{"size unknown", Progress{Done: 5 << 20, Total: -1, Written: -1, Rate: 1 << 20}, 80, "5.0 MiB  1.0 MiB/s"},
		{"stalled", Progress{Done: 1 << 20, Total: 2 << 20, Written: -1}, 60, "1.0 MiB of 2.0 MiB   50%  [============>            ]  0 B/s"},
		{"done", Progress{Done: 2 << 20, Total: 2 << 20, Written: -1, Rate: 1 << 20}, 60, "2.0 MiB of 2.0 MiB  100%  [==========]  1.0 MiB/s  finishing"},
		{"empty", Progress{Total: 0, Written: 0}, 60, "0 B of 0 B  100%  [======================]  0 B/s  finishing"},
	} {
		if diff := cmp.Diff(test.want, test.p.line(test.width)); diff != "" {
			t.Errorf("%s: -want +got\n%s", test.name, diff)
		}
	}
}

func TestProgressLineFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Progress{
			Done:       rapid.Int64Min(0).Draw(t, "done"),
			Total:      rapid.Int64Min(-1).Draw(t, "total"),
			Written:    rapid.Int64Min(-1).Draw(t, "written"),
			Rate:       rapid.Float64().Draw(t, "rate"),
			Bottleneck: rapid.StringMatching(`[a-z ]{0,20}`).Draw(t, "bottleneck"),
		}
		width := rapid.IntRange(0, 200).Draw(t, "width")
		line := p.line(width)
		if utf8.RuneCountInString(line) > width || strings.ContainsAny(line, "\r\n") {
			t.Fatalf("%d columns: %q", width, line)
		}
	})
}

func TestProgressSummary(t *testing.T) {
	p := Progress{Done: 1 << 30, Total: -1, Written: 1 << 28, Elapsed: 4 * time.Second}
	if got, want := p.Summary(), "1.0 GiB in 0:04, 256 MiB/s, ratio 0.250"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The rate must follow the last 15 to 30 seconds, whatever came before.
func TestRateWindow(t *testing.T) {
	var w rateWindow
	var bytes int64
	var got float64
	tick := 100 * time.Millisecond
	at := time.Duration(0)
	for ; at < time.Minute; at += tick {
		bytes += 10 << 20
		got = w.rate(at, bytes)
	}
	if want := 100.0 * (1 << 20); got < 0.98*want || got > 1.02*want {
		t.Errorf("steady: %s", text.Rate(got))
	}
	fast := at
	for ; at < fast+30*time.Second; at += tick {
		bytes += 1 << 20
		got = w.rate(at, bytes)
		if at == fast+5*time.Second && got < 30*(1<<20) {
			t.Errorf("5 s after a drop the rate is down to %s already", text.Rate(got))
		}
	}
	if want := 10.0 * (1 << 20); got < 0.98*want || got > 1.02*want {
		t.Errorf("30 s after a drop: %s", text.Rate(got))
	}
	if len(w.samples) > 64 {
		t.Errorf("%d samples kept", len(w.samples))
	}
}
