package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseFlow(t *testing.T) {
	w := func(text string, at int) word { return word{text, at} }
	sink := func(text string, at int) *word { return &word{text, at} }
	for _, test := range []struct {
		in     string
		source word
		want   chain
	}{
		{"a ! b", w("a", 0), chain{sink: sink("b", 2)}},
		{"- ! gzip level=6 ! -", w("-", 0), chain{
			stages: []step{{w("gzip", 2), []word{w("level=6", 3)}}}, sink: sink("-", 5)}},
		{"a ! tee [ b ]", w("a", 0), chain{
			tee: &fork{name: w("tee", 2), branches: []chain{{sink: sink("b", 4)}}}}},
		{"a ! tee [ gzip ! b ] [ c ] ! d", w("a", 0), chain{
			tee: &fork{
				name: w("tee", 2),
				branches: []chain{
					{stages: []step{{w("gzip", 4), []word{}}}, sink: sink("b", 6)},
					{sink: sink("c", 9)},
				},
				rest: &chain{sink: sink("d", 12)},
			}}},
		{"a ! tee [ tee [ b ] ! c ] ! take bytes=1M ! d", w("a", 0), chain{
			tee: &fork{
				name: w("tee", 2),
				branches: []chain{{tee: &fork{
					name:     w("tee", 4),
					branches: []chain{{sink: sink("b", 6)}},
					rest:     &chain{sink: sink("c", 9)},
				}}},
				rest: &chain{stages: []step{{w("take", 12), []word{w("bytes=1M", 13)}}}, sink: sink("d", 15)},
			}}},
		{"a ! lines match=stop! ! b", w("a", 0), chain{
			stages: []step{{w("lines", 2), []word{w("match=stop!", 3)}}}, sink: sink("b", 5)}},
	} {
		got, err := parseFlow(strings.Fields(test.in))
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		opt := cmp.AllowUnexported(flow{}, chain{}, step{}, fork{}, word{})
		if diff := cmp.Diff(test.want, got.chain, opt); diff != "" || got.source != test.source {
			t.Errorf("%s: source %v, chain -want +got\n%s", test.in, got.source, diff)
		}
		if got := strings.Join(got.print(), " "); got != test.in {
			t.Errorf("%s: printed as %s", test.in, got)
		}
	}
}

func TestParseFlowErrors(t *testing.T) {
	for _, test := range []struct {
		in   string
		at   int
		msg  string
		hint string
	}{
		{"", 0, "the flow is empty", "SOURCE ! STAGE ! SINK"},
		{"! gzip ! b", 0, "the source is missing", "a source is a path"},
		{"[ a ] ! b", 0, "starts with a source, not with [", ""},
		{"a", 1, "the sink is missing", "SOURCE ! STAGE"},
		{"a!gzip!b", 1, "the sink is missing", "! is a word of its own"},
		{"a gzip ! b", 1, `"a" is followed by "gzip"`, "! goes between"},
		{"a ] ! b", 1, "] closes nothing", ""},
		{"a [ b ]", 1, "only tee has branches", ""},
		{"a !", 2, "ends with !", ""},
		{"a ! gzip !", 4, "ends with !", ""},
		{"a ! ! b", 2, "between two !", ""},
		{"a ! gzip [ b ]", 3, "only tee has branches", ""},
		{"a ! b ]", 3, "] closes nothing", ""},
		{"a ! b c", 3, `"b" is followed by "c"`, ""},
		{"in.bin! gzip ! b", 0, `a ! is glued to "in.bin!"`, "write in.bin !"},
		{"in.bin! ! b", 0, `a ! is glued to "in.bin!"`, "file:wow%21"},
		{"a !gzip ! b", 1, `a ! is glued to "!gzip"`, "write ! gzip"},
		{"a ! gzip level=6! b", 3, `a ! is glued to "level=6!"`, "write level=6 !"},
		{"a ! gzip ! b!", 4, `a ! is glued to "b!"`, "write b !"},
		{"a !! b", 1, `a ! is glued to "!!"`, "write one !"},
		{"a ! tee", 2, "tee has no branch", ""},
		{"a ! tee ! b", 2, "tee has no branch", ""},
		{"a ! tee b", 3, `tee takes branches in brackets, and got "b"`, ""},
		{"a ! tee [sha256 ! b ]", 3, "and got", "[ and ] are words of their own"},
		{"a ! tee [ b ] c", 6, `"c" stands directly behind a branch`, ""},
		{"a ! tee [ ]", 3, "this branch is empty", ""},
		{"a ! tee [ ! b ]", 4, "cannot start with !", ""},
		{"a ! tee [ gzip ! ]", 6, "the branch ends with !", ""},
		{"a ! tee [ b", 3, "not closed", "every [ needs its ]"},
		{"a ! tee [ sha256 ! sums]", 3, "not closed", "write sums ]"},
		{"a ! tee [", 3, "not closed", ""},
		{"a ! tee [ b ] ]", 6, "] closes nothing", ""},
		{"a ! tee [ tee [ b ]", 3, "not closed", ""},
		{"a ! tee [ b ] !", 7, "ends with !", ""},
	} {
		_, err := parseFlow(strings.Fields(test.in))
		fe, ok := err.(*flowError)
		if !ok {
			t.Errorf("%s: error %v, want a flowError", test.in, err)
			continue
		}
		if fe.at != test.at || !strings.Contains(fe.msg, test.msg) || !strings.Contains(fe.hint, test.hint) {
			t.Errorf("%s: word %d: %s (%s); want word %d: %s (%s)", test.in, fe.at, fe.msg, fe.hint, test.at, test.msg, test.hint)
		}
	}
}

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, test := range []struct {
		words string
		at    int
		width int
		want  string
	}{
		{"a ! gizp ! b", 2, 80, "a ! gizp ! b\n    ^^^^"},
		{"a !", 2, 80, "a ! \n    ^"},
		{"one ! two ! three ! four", 4, 20, "…two ! three ! four\n       ^^^^^"},
		{long + " ! gizp ! b", 2, 40, "…" + strings.Repeat("x", 27) + " ! gizp ! b\n" + strings.Repeat(" ", 31) + "^^^^"},
		{"a ! " + long, 2, 20, "a ! xxxxxxxxx…\n    ^^^^^^^^^^"},
		{"a\x1b[2J ! gizp ! b", 2, 80, "'a?[2J' ! gizp ! b\n          ^^^^"},
	} {
		e := &flowError{words: strings.Fields(test.words), at: test.at}
		if diff := cmp.Diff(test.want, e.excerpt(test.width)); diff != "" {
			t.Errorf("%s at %d: -want +got\n%s", test.words, test.at, diff)
		}
	}
}

// FuzzParse holds that the parser never panics, that every error points into the flow, and that a parsed flow prints
// to the words it came from.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"a ! b", "- ! gzip level=6 ! -", "a ! tee [ b ] [ gzip ! c ] ! d", "a ! tee [ tee [ b ] ! c ]",
		"a! b", "[ ]", "a ! tee [", "! ! !", "a ! tee [ b ] ! tee [ c ]", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words := strings.Split(s, " ")
		parsed, err := parseFlow(words)
		if err != nil {
			fe := err.(*flowError)
			if fe.at < 0 || fe.at > len(words) || fe.msg == "" {
				t.Fatalf("%q: word %d: %q", words, fe.at, fe.msg)
			}
			fe.excerpt(40)
			return
		}
		if diff := cmp.Diff(words, parsed.print()); diff != "" {
			t.Fatalf("%q: -given +printed\n%s", words, diff)
		}
	})
}
