package flow_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/flow/std"
)

func registry() *flow.Registry {
	reg := std.Registry()
	reg.Hint = "ask for the list"
	return reg
}

// parse parses a flow that has nothing wrong with it.
func parse(t testing.TB, line string) *flow.Flow {
	t.Helper()
	f, err := registry().Parse(strings.Fields(line)...)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return f
}

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"a ! b":                          "a@0 -> b@2",
		"- ! gzip level=6 ! -":           "-@0 -> gzip@2 level=6@3 -> -@5",
		"a ! tee [ b ]":                  "a@0 -> tee@2 (-> b@4)",
		"a ! tee [ gzip ! b ] [ c ] ! d": "a@0 -> tee@2 (-> gzip@4 -> b@6) (-> c@9) (-> d@12)...",
		"a ! tee [ tee [ b ] ! c ] ! take bytes=1M ! d": "a@0 -> tee@2 (-> tee@4 (-> b@6) (-> c@9)...) (-> take@12 bytes=1M@13 -> d@15)...",
		"a ! sha256 name=stop! ! b":                     "a@0 -> sha256@2 name=stop!@3 -> b@5",
	} {
		f := parse(t, in)
		if got := f.Tree(); got != want {
			t.Errorf("%s: parsed as\n%s, want\n%s", in, got, want)
		}
		if got := strings.Join(f.Words(), " "); got != in {
			t.Errorf("%s: printed as %s", in, got)
		}
	}
}

func TestParseErrors(t *testing.T) {
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
		{"a!gzip!b", 1, "the sink is missing", "! is a separate word"},
		{"a gzip ! b", 1, `"a" is followed by "gzip"`, "! goes between"},
		{"a ] ! b", 1, "] closes nothing", ""},
		{"a [ b ]", 1, "only tee has branches", ""},
		{"a !", 2, "ends with !", ""},
		{"a ! gzip !", 4, "ends with !", ""},
		{"a ! ! b", 2, "between two !", ""},
		{"a ! gzip [ b ]", 3, "only tee has branches", ""},
		{"a ! b ]", 3, "] closes nothing", ""},
		{"a ! b c", 3, `"b" is followed by "c"`, ""},
		{"in.bin! gzip ! b", 0, `no space next to the ! in "in.bin!"`, "write in.bin !"},
		{"in.bin! ! b", 0, `no space next to the ! in "in.bin!"`, "file:wow%21"},
		{"a !gzip ! b", 1, `no space next to the ! in "!gzip"`, "write ! gzip"},
		{"a ! gzip level=6! b", 3, `no space next to the ! in "level=6!"`, "write level=6 !"},
		{"a ! gzip ! b!", 4, `no space next to the ! in "b!"`, "write b !"},
		{"a !! b", 1, `no space next to the ! in "!!"`, "write one !"},
		{"a ! tee", 2, "tee has no branch", ""},
		{"a ! tee ! b", 2, "tee has no branch", ""},
		{"a ! tee b", 3, `tee takes branches in brackets, and got "b"`, ""},
		{"a ! tee [sha256 ! b ]", 3, "and got", "[ and ] are separate words"},
		{"a ! tee [ b ] c", 6, `"c" follows a branch`, ""},
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
		_, err := std.Registry().Parse(strings.Fields(test.in)...)
		fe, ok := err.(*flow.Error)
		if !ok {
			t.Errorf("%s: error %v, want a *flow.Error", test.in, err)
			continue
		}
		if fe.At != test.at || !strings.Contains(fe.Message, test.msg) || !strings.Contains(fe.Hint, test.hint) {
			t.Errorf("%s: word %d: %s (%s); want word %d: %s (%s)", test.in, fe.At, fe.Message, fe.Hint, test.at, test.msg, test.hint)
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
		{"a\x1b[2J ! gizp ! b", 2, 80, `$'a\033[2J' ! gizp ! b` + "\n              ^^^^"},
	} {
		e := &flow.Error{Words: strings.Fields(test.words), At: test.at}
		if diff := cmp.Diff(test.want, e.Excerpt(test.width)); diff != "" {
			t.Errorf("%s at %d: -want +got\n%s", test.words, test.at, diff)
		}
	}
}

// FuzzParse holds that the parser never panics, that every error points into the flow, and that a
// parsed flow prints to words that parse to the same flow.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"a ! b", "- ! gzip level=6 ! -", "a ! tee [ b ] [ gzip ! c ] ! d", "a ! tee [ tee [ b ] ! c ]",
		"a! b", "[ ]", "a ! tee [", "! ! !", "a ! tee [ b ] ! tee [ c ]", "",
	} {
		f.Add(s)
	}
	reg := registry()
	f.Fuzz(func(t *testing.T, s string) {
		words := strings.Split(s, " ")
		parsed, err := reg.Parse(words...)
		if err != nil {
			fe := err.(*flow.Error)
			if fe.At < 0 || fe.At > len(words) || fe.Message == "" {
				t.Fatalf("%q: word %d: %q", words, fe.At, fe.Message)
			}
			fe.Excerpt(40)
			return
		}
		printed := parsed.Words()
		if !strings.ContainsAny(s, "@?") { // URLs are printed without their secrets
			if diff := cmp.Diff(words, printed); diff != "" {
				t.Fatalf("%q: -given +printed\n%s", words, diff)
			}
		}
		again, err := reg.Parse(printed...)
		if err != nil {
			t.Fatalf("%q: printed as %q: %v", words, printed, err)
		}
		if diff := cmp.Diff(printed, again.Words()); diff != "" {
			t.Fatalf("%q: printed as %q, and again -as +as\n%s", words, printed, diff)
		}
	})
}
