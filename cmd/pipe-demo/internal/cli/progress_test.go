package cli

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
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

// The present rate stands beside the average, unless they are the same.
func TestProgressRates(t *testing.T) {
	for _, test := range []struct {
		rate float64
		want string
	}{{100 << 10, "100 KiB/s"}, {200 << 10, "200 KiB/s (average 100 KiB/s)"}, {0, "0 B/s (average 100 KiB/s)"}, {-1, "100 KiB/s"}} {
		p := Progress{Done: 1 << 20, Total: -1, Written: -1, Rate: test.rate, Elapsed: 10240 * time.Millisecond}
		if got := p.rates(); got != test.want {
			t.Errorf("%v: %q, want %q", test.rate, got, test.want)
		}
	}
}

// Lines of a log fit 80 columns, whatever is in them.
func TestProgressPlainFits(t *testing.T) {
	p := Progress{Done: 1023 << 20, Total: 1023 << 30, Written: 1, Files: 100000, Rate: 1000 << 10, Elapsed: time.Hour, Bottleneck: strings.Repeat("ä", 100)}
	if got := p.plain(); utf8.RuneCountInString(got) > 80 {
		t.Errorf("%d columns: %s", utf8.RuneCountInString(got), got)
	}
}

// Bytes count when they have left the flow: what waits in it does not.
func TestProgressOf(t *testing.T) {
	node := func(in, out int64) pipeline.NodeStats { return pipeline.NodeStats{Parent: -1, In: in, Out: out} }
	channel := func(from, to int, size int64) pipeline.ChannelStats {
		return pipeline.ChannelStats{From: from, To: to, Size: size}
	}
	for _, test := range []struct {
		name  string
		r     pipeline.Report
		done  int64
		total int64
	}{
		{"nothing", pipeline.Report{}, 0, -1},
		{"to a sink", pipeline.Report{Nodes: []pipeline.NodeStats{node(0, 90), node(40, 0)}, Channels: []pipeline.ChannelStats{channel(0, 1, 100)}}, 40, 100},
		{"through a limit", pipeline.Report{Nodes: []pipeline.NodeStats{node(0, 90), node(60, 30), node(20, 0)},
			Channels: []pipeline.ChannelStats{channel(0, 1, 100), channel(1, 2, 100)}}, 20, 100},
		{"through a codec", pipeline.Report{Nodes: []pipeline.NodeStats{node(0, 90), node(60, 7), node(5, 0)},
			Channels: []pipeline.ChannelStats{channel(0, 1, 100), channel(1, 2, -1)}}, 60, 100},
		{"to the slower of two", pipeline.Report{Nodes: []pipeline.NodeStats{node(0, 90), node(60, 120), node(50, 0), node(10, 0)},
			Channels: []pipeline.ChannelStats{channel(0, 1, 100), channel(1, 2, 100), channel(1, 3, 100)}}, 10, 100},
		{"of unknown size", pipeline.Report{Nodes: []pipeline.NodeStats{node(0, 90), node(40, 0)}, Channels: []pipeline.ChannelStats{channel(0, 1, -1)}}, 40, -1},
	} {
		if p := ProgressOf(test.r); p.Done != test.done || p.Total != test.total {
			t.Errorf("%s: %d of %d, want %d of %d", test.name, p.Done, p.Total, test.done, test.total)
		}
	}
}

// Neither the wait for the first bytes nor what comes at once is taken for the rate.
func TestRateSettlesSoon(t *testing.T) {
	const want = 100 << 10
	var w rateWindow
	for at := time.Duration(0); at <= 10*time.Second; at += 100 * time.Millisecond {
		bytes := int64(0)
		if at >= 2*time.Second {
			bytes = 1<<20 + int64(want*(at-2*time.Second).Seconds())
		}
		got := w.rate(at, bytes)
		switch {
		case got < 0 && at > 3*time.Second:
			t.Errorf("after %v: not known", at)
		case got >= 0 && (got < 0.98*want || got > 1.02*want):
			t.Errorf("after %v: %s", at, text.Rate(got))
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
