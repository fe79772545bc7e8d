package flow_test

import (
	"strings"
	"testing"

	"github.com/weirflow/weir/flow"
)

func TestNameErrors(t *testing.T) {
	for _, test := range []struct {
		in   string
		at   int
		msg  string
		hint string
	}{
		{"a ! gizp ! b", 2, `unknown stage "gizp"`, "did you mean gzip?"},
		{"a ! sha ! b", 2, `unknown stage "sha"`, "did you mean sha1, sha256 or sha512?"},
		{"a ! frobnicate ! b", 2, "unknown stage", "ask for the list"},
		{"a ! b.gz ! c", 2, "unknown stage", "tee [ b.gz ]"},
		{"a ! level=6 ! c", 2, "unknown stage", "follows its element"},
		{"a ! tee [ gizp ! b ] ! c", 4, `unknown stage "gizp"`, "gzip"},
		{"a ! gzip", 2, "the sink is missing", "./gzip"},
		{"a ! tee [ b ] ! gzip", 7, "the sink is missing", "./gzip"},
		{"gzip ! b", 0, "the source is missing", "./gzip"},
		{"tee ! b", 0, "the source is missing", "./tee"},
		{"a ! gzip level=10 ! b", 3, `option level got "10" and takes a whole number from 0 to 9: 10 is out of range`, ""},
		{"a ! gzip level=high ! b", 3, `option level got "high" and takes a whole number`, ""},
		{"a ! gzip level=6! ! b", 3, `option level got "6!"`, "write level=6 !"},
		{"a ! gzip lvel=6 ! b", 3, `gzip has no option "lvel"`, "did you mean level?"},
		{"a ! gzip -9 ! b", 3, `"-9" is not an option`, "gzip takes level=N"},
		{"a ! gzip level=1 level=2 ! b", 4, "option level is given twice", ""},
		{"a ! gunzip level=1 ! b", 3, `gunzip has no option "level"`, "gunzip has no options"},
		{"a ! take ! b", 2, "take needs its option bytes", "take bytes=1M"},
		{"a ! take bytes=1MB ! b", 3, "MB can mean steps of 1000", ""},
		{"a ! limit rate=0 ! b", 3, "at least 1 byte per second", ""},
		{"a ! rechunk size=0 ! b", 3, "out of range", ""},
		{"a ! digest a=sha265 ! b", 3, `option a got "sha265" and takes sha256,`, "did you mean sha256"},
		{"ftp://host/a ! b", 0, `unknown scheme "ftp" for a source`, "file"},
		{"gopher://host/a ! b", 0, `unknown scheme "gopher" for a source`, "has the scheme file, http or https"},
		{"a ! htp://host/a", 2, `unknown scheme "htp" for a sink`, "did you mean http"},
	} {
		_, err := registry().Parse(strings.Fields(test.in)...)
		fe, ok := err.(*flow.Error)
		if !ok {
			t.Errorf("%s: error %v, want a *flow.Error", test.in, err)
			continue
		}
		if fe.At != test.at || !strings.Contains(fe.Message, test.msg) || !strings.Contains(fe.Hint, test.hint) || fe.Words == nil {
			t.Errorf("%s: word %d: %s (%s); want word %d: %s (%s)", test.in, fe.At, fe.Message, fe.Hint, test.at, test.msg, test.hint)
		}
	}
	for _, words := range [][]string{{"", "!", "b"}, {"a", "!", ""}, {"a\x00b", "!", "c"}} {
		if _, err := registry().Parse(words...); err == nil {
			t.Errorf("%q: no error", words)
		}
	}
}
