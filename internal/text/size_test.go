package text_test

import (
	"strings"
	"testing"

	"github.com/weirflow/weir/internal/text"
)

func TestParseSize(t *testing.T) {
	for _, test := range []struct {
		in   string
		want int64
		err  string
	}{
		{in: "0", want: 0},
		{in: "17", want: 17},
		{in: "17B", want: 17},
		{in: "64k", want: 65536},
		{in: "64K", want: 65536},
		{in: "64KiB", want: 65536},
		{in: "64kib", want: 65536},
		{in: "1M", want: 1 << 20},
		{in: "1m", want: 1 << 20},
		{in: "1.5GiB", want: 3 << 29},
		{in: "0.5k", want: 512},
		{in: "1.1k", want: 1126},
		{in: "2T", want: 2 << 40},
		{in: "8191P", want: 8191 << 50},
		{in: "9223372036854775807", want: 1<<63 - 1},
		{in: "9223372036854775808", err: "too large"},
		{in: "8192P", err: "too large"},
		{in: strings.Repeat("9", 1000), err: "too large"},
		{in: "", err: "not a number"},
		{in: "k", err: "not a number"},
		{in: ".5k", err: "not a number"},
		{in: "5.k", err: "not a number"},
		{in: "1.2.3", err: "not a number"},
		{in: "-1", err: "not a number"},
		{in: "+1", err: "not a number"},
		{in: "1e3", err: `"e3" is not a unit`},
		{in: "1 k", err: `" k" is not a unit`},
		{in: "10MB", err: "MB can mean steps of 1000 or of 1024; write M for steps of 1024"},
		{in: "10kb", err: "kb can mean steps of 1000 or of 1024; write k for steps of 1024"},
		{in: "1iB", err: "is not a unit"},
		{in: "1b", err: "can mean"},
	} {
		got, err := text.ParseSize(test.in)
		switch {
		case test.err == "" && (err != nil || got != test.want):
			t.Errorf("text.ParseSize(%q) = %d, %v; want %d", test.in, got, err, test.want)
		case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
			t.Errorf("text.ParseSize(%q) = %d, %v; want an error with %q", test.in, got, err, test.err)
		}
	}
}

func TestParseRate(t *testing.T) {
	for in, want := range map[string]int64{"10M": 10 << 20, "10M/s": 10 << 20, "100": 100, "0": -1, "0.0001": -1, "10M/m": -1, "": -1} {
		got, err := text.ParseRate(in)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("text.ParseRate(%q) = %d, want %d", in, got, want)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for in, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB",
		100 << 20: "100 MiB", 1023 << 20: "1023 MiB", 1 << 30: "1.0 GiB", 1<<63 - 1: "8.0 EiB",
	} {
		if got := text.Size(in); got != want {
			t.Errorf("text.Size(%d) = %q, want %q", in, got, want)
		}
	}
	if got, want := text.Rate(212.4*(1<<20)), "212 MiB/s"; got != want {
		t.Errorf("Rate = %q, want %q", got, want)
	}
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"64k", "1.5GiB", "10MB", "", "1.", "99999P", "0x10", "1e9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := text.ParseSize(s)
		if err != nil {
			return
		}
		if n < 0 {
			t.Fatalf("text.ParseSize(%q) = %d", s, n)
		}
		if doubled, err := text.ParseSize(s + "k"); err == nil && doubled/1024 != n {
			t.Fatalf("%q is %d, but with a k it is %d", s, n, doubled)
		}
	})
}
