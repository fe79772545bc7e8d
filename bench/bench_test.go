package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/testenv"
)

// Every comparison runs, if only with little to do, and nothing of it is left.
func TestComparisons(t *testing.T) {
	testenv.Long(t)
	dir := t.TempDir()
	var out bytes.Buffer
	if err := bench(t.Context(), []string{"-json", "-n=1", "-size=64k", "-dir", dir}, &out); err != nil {
		t.Error(err)
	}
	done := 0
	for d := json.NewDecoder(&out); d.More(); done++ {
		var r result
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		switch {
		case r.NotRun != "":
			t.Run(r.Name+" beside "+r.Beside, func(t *testing.T) { testenv.NotRun(t, "%s", r.NotRun) })
		case r.Amount == "" || r.Ours.Seconds <= 0 || r.Theirs.Seconds <= 0 ||
			r.Ratio <= 0 || r.RatioLeast != r.Ratio || r.RatioMost != r.Ratio:
			t.Errorf("of one run came %+v", r)
		}
	}
	if done != len(everything()) {
		t.Errorf("%d results, want %d", done, len(everything()))
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// A program that does less than the other is found out.
func TestLessWorkIsNoComparison(t *testing.T) {
	for _, test := range []struct {
		less string // words for sh
		in   func(string, int64) (string, error)
		good string
		same func(in, ours, theirs string) error
	}{
		{`head -c 1000 "$0" >"$1"`, noise, `cp "$0" "$1"`, sameBytes},
		{`tr a b <"$0" >"$1"`, noise, `cp "$0" "$1"`, sameBytes},
		{`cp -r "$0" "$1"; rm "$1"/0/7`, smallFiles, `cp -r "$0" "$1"`, sameTree},
		{`cp -r "$0" "$1"; echo >"$1"/more`, smallFiles, `cp -r "$0" "$1"`, sameTree},
		{`cp -r "$0" "$1"; echo >"$1"/0/7`, smallFiles, `cp -r "$0" "$1"`, sameTree},
		{`cat "$0" >"$1"`, sparse, `cp "$0" "$1"`, sameHoles},
		{`truncate -s 655360 "$1"`, sparse, `cp "$0" "$1"`, sameHoles},
		{`gzip -1 <"$0" >"$1"`, text, `gzip -6 <"$0" >"$1"`, sameGzip},
		{`head -c 1000 "$0" | gzip -6 >"$1"`, text, `gzip -6 <"$0" >"$1"`, sameGzip},
		{`gzip -6 <"$0" | head -c 1000 >"$1"`, text, `gzip -6 <"$0" >"$1"`, sameGzip},
	} {
		c := comparison{
			name: test.less, needs: []string{"sh", "cp", "head", "tr", "gzip", "truncate"}, setup: test.in, check: test.same,
			theirs: []string{"sh", "-c", test.good, "IN", "OUT"},
		}
		for _, ours := range []string{test.good, test.less} {
			c.ours = []string{"sh", "-c", ours, "IN", "OUT"}
			r, err := c.measure(t.Context(), "", filepath.Join(t.TempDir(), "work"), 64<<10, 1)
			if r.NotRun != "" {
				testenv.NotRun(t, "%s", r.NotRun)
			}
			if found := err != nil && strings.Contains(err.Error(), "did not do the same work"); found != (ours == test.less) {
				t.Errorf("%s beside %s: %v", ours, test.good, err)
			}
		}
	}
}

func TestMissingProgramIsNotRun(t *testing.T) {
	for want, m := range map[string]measurable{
		"| x | y | NOT RUN: there is no no-such-program here | | | | |":                     comparison{name: "x", beside: "y", needs: []string{"no-such-program"}},
		"| serve, files of 1 KiB | y | NOT RUN: there is no no-such-program here | | | | |": service{1 << 10, server{name: "y", needs: "no-such-program"}},
	} {
		r, err := m.measure(t.Context(), "", t.TempDir(), 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := tableRow(r); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestSummary(t *testing.T) {
	ms := func(wall, cpu, peak int) spent {
		return spent{wall: time.Duration(wall) * time.Millisecond, cpu: time.Duration(cpu) * time.Millisecond, peak: int64(peak) << 20}
	}
	r := result{Name: "cp", Beside: "cp of others", Amount: "1 GiB"}
	r.summarize([]spent{ms(100, 20, 16), ms(200, 40, 17), ms(90, 30, 15)}, []spent{ms(200, 10, 3), ms(100, 10, 3), ms(100, 2500, 3)})
	r.Theirs.Below = true
	want := "| cp | cp of others | 1 GiB | 100 ms, 100 ms | 0.90 (0.50–2.00) | 30 ms, 10 ms | 17 MiB, < 3 MiB |"
	if got := tableRow(r); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r.summarize([]spent{ms(100, 0, 0), ms(300, 0, 0)}, []spent{ms(100, 0, 0), ms(100, 0, 0)})
	if r.Ratio != 2 || r.Ours.Seconds != 0.2 {
		t.Errorf("of two: ratio %v, %v s; want 2, 0.2 s", r.Ratio, r.Ours.Seconds)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]size{"1": 1, "64KiB": 64 << 10, "64k": 64 << 10, "16M": 16 << 20, "1G": 1 << 30, "1GiB": 1 << 30, "3MB": 3 << 20} {
		var got size
		if err := got.Set(text); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "-1", "k", "1T", "1.5G", "99999999999G"} {
		var got size
		if err := got.Set(text); err == nil {
			t.Errorf("%q: %d, want an error", text, got)
		}
	}
	for want, s := range map[string]size{"1 GiB": 1 << 30, "1.5 MiB": 3 << 19, "64 KiB": 64 << 10, "7 B": 7} {
		if got := s.String(); got != want {
			t.Errorf("%d is %q, want %q", s, got, want)
		}
	}
}
