package cli

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/weirflow/weir/internal/text"
	"github.com/weirflow/weir/pipeline"
)

// Progress is what the progress line shows.
type Progress struct {
	Done       int64         // bytes that have left the flow
	Total      int64         // bytes that it will deliver; negative when that is unknown
	Written    int64         // bytes that the sink received; negative when they are not to be compared with Done
	Files      int           // that are done; negative when there is only one
	Rate       float64       // bytes per second over the last seconds; negative: not known yet
	Elapsed    time.Duration // since the start
	Bottleneck string        // the node that holds the others up; "" when none does
}

// ProgressOf reads the report of one flow: its first node is the source. Bytes count when they have left the flow. Where a stage
// changes the size of the stream, they count when they have left the source's channel.
func ProgressOf(r pipeline.Report) Progress {
	p := Progress{Total: -1, Written: -1, Files: -1, Elapsed: r.Elapsed}
	if len(r.Nodes) == 0 {
		return p
	}
	p.Done = r.Nodes[0].Out
	from, size := make(map[int]bool), make(map[int]int64)
	for _, e := range r.Channels {
		from[e.From], size[e.To] = true, e.Size
		if e.From == 0 {
			p.Total, p.Done = e.Size, r.Nodes[e.To].In
		}
	}
	ends, same, least := 0, p.Total >= 0, int64(math.MaxInt64)
	for i, n := range r.Nodes {
		if n.Parent < 0 && !from[i] {
			ends++
			p.Written = n.In
			same, least = same && size[i] == p.Total, min(least, n.In)
		}
	}
	if ends > 0 && same {
		p.Done = least
	}
	if ends != 1 {
		p.Written = -1
	}
	if i := r.Bottleneck(); i > 0 && len(r.Nodes) > 2 {
		p.Bottleneck = r.Nodes[i].Name
	}
	return p
}

// line draws p in at most width columns. What does not fit is left out, the least important part first; the bar
// fills the rest.
func (p Progress) line(width int) string {
	size := text.Size(p.Done)
	percent, eta := "", ""
	if p.Total >= 0 {
		size += " of " + text.Size(p.Total)
		percent = fmt.Sprintf("%3.0f%%", 100*p.share())
		if p.Done == p.Total {
			eta = "finishing" // the sink syncs, or waits for an answer
		} else if left, ok := p.remaining(); ok {
			eta = "ETA " + text.Duration(left)
		}
	}
	parts := []struct {
		text string
		rank int // the highest goes first
	}{
		{size, 0},
		{percent, 1},
		{"[]", 5}, // the bar's place
		{p.rates(), 2},
		{eta, 3},
		{p.ratio(), 4},
		{p.files(), 4},
		{p.slowest(), 6},
	}
	if percent == "" {
		parts[2].text = ""
	}
	const barLeast = 10
	for worst := 6; ; worst-- {
		var line []string
		bar, length := -1, -2
		for _, part := range parts {
			if part.text == "" || part.rank > worst {
				continue
			}
			if part.text == "[]" {
				bar = len(line)
				length += barLeast
			}
			line = append(line, part.text)
			length += utf8.RuneCountInString(part.text) + 2
		}
		if length > width && worst > 0 {
			continue
		}
		if bar >= 0 {
			line[bar] = drawBar(p.share(), min(40, barLeast+width-length))
		}
		text := []rune(strings.Join(line, "  "))
		return string(text[:min(len(text), max(width, 0))])
	}
}

// plain is the line for a log.
func (p Progress) plain() string { return p.line(plainWidth) }

// rates are the present rate and the average.
func (p Progress) rates() string {
	average := ""
	if s := p.Elapsed.Seconds(); s > 0 {
		average = text.Rate(float64(p.Done) / s)
	}
	switch {
	case p.Rate < 0:
		return average
	case average == "" || average == text.Rate(p.Rate):
		return text.Rate(p.Rate)
	}
	return fmt.Sprintf("%s (average %s)", text.Rate(p.Rate), average)
}

// Summary is the last line: totals over the whole time.
func (p Progress) Summary() string {
	parts := []string{fmt.Sprintf("%s in %s", text.Size(p.Done), text.Duration(p.Elapsed))}
	if s := p.Elapsed.Seconds(); s > 0 {
		parts = append(parts, text.Rate(float64(p.Done)/s))
	}
	if r := p.ratio(); r != "" {
		parts = append(parts, r)
	}
	return strings.Join(parts, ", ")
}

func (p Progress) share() float64 {
	if p.Total <= 0 {
		return 1
	}
	return min(1, float64(p.Done)/float64(p.Total))
}

// remaining is the time left at the present rate, unless that is unknown or too long to mean anything.
func (p Progress) remaining() (time.Duration, bool) {
	rate := p.Rate
	if rate < 0 {
		rate = float64(p.Done) / p.Elapsed.Seconds()
	}
	seconds := float64(p.Total-p.Done) / rate
	if !(seconds >= 0) || seconds > 100*3600 {
		return 0, false
	}
	return time.Duration(math.Ceil(seconds)) * time.Second, true
}

// ratio compares what the sink received with what the source delivered, unless they are equal.
func (p Progress) ratio() string {
	if p.Written < 0 || p.Done <= 0 || p.Written == p.Done {
		return ""
	}
	return fmt.Sprintf("ratio %.3f", float64(p.Written)/float64(p.Done))
}

func (p Progress) files() string {
	if p.Files <= 0 {
		return ""
	}
	return text.Plural(p.Files, "file")
}

func (p Progress) slowest() string {
	if p.Bottleneck == "" {
		return ""
	}
	return "slowest: " + text.Printable(p.Bottleneck)
}

// drawBar fills inner columns between two brackets.
func drawBar(share float64, inner int) string {
	full := int(share * float64(inner))
	bar := strings.Repeat("=", full)
	if full < inner {
		bar += ">" + strings.Repeat(" ", inner-full-1)
	}
	return "[" + bar + "]"
}

// A rateWindow is a speed over the last 15 to 30 seconds: long enough to be steady, short enough to be current.
type rateWindow struct {
	samples []rateSample // at least sampleGap apart, the oldest at most windowSpan old
}

type rateSample struct {
	at    time.Duration // since the start
	bytes int64
}

const (
	windowSpan = 20 * time.Second
	sampleGap  = 500 * time.Millisecond
)

// rate records the bytes at a time and returns the bytes per second over the window; negative if that is not known yet. The window begins
// with the first bytes, so that neither the wait for them nor what comes at once counts.
func (w *rateWindow) rate(at time.Duration, bytes int64) float64 {
	if len(w.samples) == 0 {
		if bytes > 0 {
			w.samples = append(w.samples, rateSample{at, bytes})
		}
		return -1
	}
	for len(w.samples) > 1 && at-w.samples[1].at >= windowSpan {
		w.samples = w.samples[1:]
	}
	oldest := w.samples[0]
	if at-w.samples[len(w.samples)-1].at >= sampleGap {
		w.samples = append(w.samples, rateSample{at, bytes})
	}
	if at-oldest.at < sampleGap {
		return -1
	}
	return float64(bytes-oldest.bytes) / (at - oldest.at).Seconds()
}
