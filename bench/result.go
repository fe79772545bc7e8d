package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A result is the outcome of a comparison.
type result struct {
	Name   string `json:"name"`
	Beside string `json:"beside"`
	NotRun string `json:"not_run,omitempty"` // why; then the rest is empty
	Amount string `json:"amount"`
	Runs   int    `json:"runs"`

	Ours   summary `json:"ours"`
	Theirs summary `json:"theirs"`

	// The median, least and greatest of the pairs' ratios: our time by theirs.
	Ratio      float64 `json:"ratio"`
	RatioLeast float64 `json:"ratio_least"`
	RatioMost  float64 `json:"ratio_most"`
}

// A summary is what one program spent over all its turns.
type summary struct {
	Seconds    float64 `json:"seconds"`     // median
	CPUSeconds float64 `json:"cpu_seconds"` // median
	Peak       int64   `json:"peak_bytes"`  // greatest; 0: the system does not tell
	Below      bool    `json:"below_peak"`  // it was less than Peak
}

func (r *result) summarize(ours, theirs []spent) {
	r.Ours, r.Theirs = summarize(ours), summarize(theirs)
	var ratios []float64
	for i := range ours {
		ratios = append(ratios, float64(ours[i].wall)/float64(theirs[i].wall))
	}
	r.Ratio, r.RatioLeast, r.RatioMost = median(ratios), slices.Min(ratios), slices.Max(ratios)
}

func summarize(turns []spent) summary {
	var wall, cpu []time.Duration
	for _, t := range turns {
		wall, cpu = append(wall, t.wall), append(cpu, t.cpu)
	}
	highest := slices.MaxFunc(turns, func(a, b spent) int { return cmp.Compare(a.peak, b.peak) })
	return summary{median(wall).Seconds(), median(cpu).Seconds(), highest.peak, highest.below}
}

func median[T time.Duration | float64](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[half-1] + sorted[half]) / 2
	}
	return sorted[half]
}

const tableHead = `| pipe-demo | beside | work | time | ratio | CPU | peak memory |
|---|---|---|---|---|---|---|
`

// tableRow is a line of the table in Markdown. Where it gives two values, ours is the first.
func tableRow(r result) string {
	if r.NotRun != "" {
		return fmt.Sprintf("| %s | %s | NOT RUN: %s | | | | |", r.Name, r.Beside, r.NotRun)
	}
	return fmt.Sprintf("| %s | %s | %s | %s, %s | %.2f (%.2f–%.2f) | %s, %s | %s, %s |", r.Name, r.Beside, r.Amount,
		seconds(r.Ours.Seconds), seconds(r.Theirs.Seconds), r.Ratio, r.RatioLeast, r.RatioMost,
		seconds(r.Ours.CPUSeconds), seconds(r.Theirs.CPUSeconds), r.Ours.memory(), r.Theirs.memory())
}

func seconds(s float64) string {
	if s < 1 {
		return fmt.Sprintf("%.3g ms", s*1000)
	}
	return fmt.Sprintf("%.2f s", s)
}

func (s summary) memory() string {
	switch {
	case s.Peak == 0:
		return "?"
	case s.Below:
		return "< " + size(s.Peak).String()
	}
	return size(s.Peak).String()
}

// size is a number of bytes, and a flag for one. k, M and G are 1024, 1024² and 1024³.
type size int64

const units = "KMG"

// Set implements [flag.Value].
func (s *size) Set(text string) error {
	number, factor := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(text), "B"), "I"), size(1)
	if end := len(number) - 1; end >= 0 {
		if i := strings.IndexByte(units, number[end]); i >= 0 {
			number, factor = number[:end], 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || n == 0 {
		return fmt.Errorf("want a number of bytes such as 64k, 16M or 1GiB")
	}
	*s = size(n) * factor
	return nil
}

// String implements [flag.Value].
func (s size) String() string {
	unit, shown := "B", float64(s)
	for i := 0; i < len(units) && shown >= 1024; i++ {
		unit, shown = units[i:i+1]+"iB", shown/1024
	}
	return strconv.FormatFloat(shown, 'g', 3, 64) + " " + unit
}
