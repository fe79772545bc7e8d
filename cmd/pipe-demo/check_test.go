package main

import (
	"os"
	"strings"
	"testing"
)

func TestPlanFlowErrors(t *testing.T) {
	for _, test := range []struct {
		in   string
		at   int
		msg  string
		hint string
	}{
		{"a ! gizp ! b", 2, `unknown stage "gizp"`, "did you mean gzip?"},
		{"a ! sha ! b", 2, `unknown stage "sha"`, "did you mean sha1, sha256 or sha512?"},
		{"a ! frobnicate ! b", 2, "unknown stage", "pipe-demo list"},
		{"a ! b.gz ! c", 2, "unknown stage", "tee [ b.gz ]"},
		{"a ! level=6 ! c", 2, "unknown stage", "behind its element"},
		{"a ! tee [ gizp ! b ] ! c", 4, `unknown stage "gizp"`, "gzip"},
		{"a ! gzip", 2, "the sink is missing", "./gzip"},
		{"a ! tee [ b ] ! gzip", 7, "the sink is missing", "./gzip"},
		{"gzip ! b", 0, "the source is missing", "./gzip"},
		{"tee ! b", 0, "the source is missing", "./tee"},
		{"a ! gzip level=10 ! b", 3, `option level got "10" and takes a whole number from 0 to 9: 10 is out of range`, ""},
		{"a ! gzip level=high ! b", 3, `option level got "high" and takes a whole number`, ""},
		{"a ! gzip level=6! ! b", 3, `option level got "6!"`, "write level=6 !"},
		{"a ! gzip lvel=6 ! b", 3, `gzip has no option "lvel"`, "did you mean level?"},
		{"a ! gzip -9 ! b", 3, `"-9" is no option`, "gzip takes level=N"},
		{"a ! gzip level=1 level=2 ! b", 4, "option level is given twice", ""},
		{"a ! gunzip level=1 ! b", 3, `gunzip has no option "level"`, "gunzip has no options"},
		{"a ! take ! b", 2, "take needs its option bytes", "take bytes=1M"},
		{"a ! take bytes=1MB ! b", 3, "MB can mean steps of 1000", ""},
		{"a ! limit rate=0 ! b", 3, "nothing moves", ""},
		{"a ! rechunk size=0 ! b", 3, "out of range", ""},
		{"a ! digest a=sha265 ! b", 3, `option a got "sha265" and takes sha256,`, "did you mean sha256"},
		{"ftp://host/a ! b", 0, `unknown scheme "ftp" for a source`, "file"},
		{"gopher://host/a ! b", 0, `unknown scheme "gopher" for a source`, "has the scheme file, http or https"},
		{"a ! htp://host/a", 2, `unknown scheme "htp" for a sink`, "did you mean http"},
	} {
		_, err := planFlow(strings.Fields(test.in))
		fe, ok := err.(*flowError)
		if !ok {
			t.Errorf("%s: error %v, want a flowError", test.in, err)
			continue
		}
		if fe.at != test.at || !strings.Contains(fe.msg, test.msg) || !strings.Contains(fe.hint, test.hint) || fe.words == nil {
			t.Errorf("%s: word %d: %s (%s); want word %d: %s (%s)", test.in, fe.at, fe.msg, fe.hint, test.at, test.msg, test.hint)
		}
	}
	for _, words := range [][]string{{"", "!", "b"}, {"a", "!", ""}, {"a\x00b", "!", "c"}} {
		if _, err := planFlow(words); err == nil {
			t.Errorf("%q: no error", words)
		}
	}
}

// Outputs that are there, named twice or impossible are found before anything is touched.
func TestPlanCheck(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"in", "old"} {
		if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("dir", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, link := range [][2]string{{"old", "link"}, {"nothing", "dangling"}} {
		if err := os.Symlink(link[0], link[1]); err != nil {
			t.Skip(err)
		}
	}
	for _, test := range []struct {
		flow string
		rule outputRule
		want int
		msg  string
	}{
		{"in ! new", outputRule{}, 0, ""},
		{"in ! old", outputRule{}, exitExists, "old: exists already"},
		{"in ! old", outputRule{force: true}, 0, ""},
		{"in ! link", outputRule{}, exitExists, "link: exists already"},
		{"in ! dangling", outputRule{}, exitExists, "dangling: exists already"},
		{"in ! dangling", outputRule{force: true}, 0, ""},
		{"in ! file:old", outputRule{}, exitExists, "old: exists already"},
		{"in ! dir", outputRule{force: true}, exitFailed, "is a directory"},
		{"in ! none/new", outputRule{}, exitFailed, "there is no folder none"},
		{"in ! in/new", outputRule{}, exitFailed, "not a directory"},
		{"in ! new/", outputRule{}, exitFailed, "no such folder"},
		{"none ! new", outputRule{}, exitNoSource, "none: no such file"},
		{"dir ! new", outputRule{}, exitFailed, "is a directory"},
		{"file:none ! new", outputRule{}, exitNoSource, "none: no such file"},
		{"in ! tee [ a ] [ dir/../a ] ! b", outputRule{}, exitUsage, "dir/../a is a destination twice"},
		{"in ! tee [ link ] ! old", outputRule{force: true}, exitUsage, "old is a destination twice"},
		{"in ! tee [ http://h/a ] ! http://h/a", outputRule{}, exitUsage, "http://h/a is a destination twice"},
		{"in ! tee [ - ] ! -", outputRule{}, exitUsage, "- is a destination twice"},
		{"in ! tee [ file:new ] ! new", outputRule{}, exitUsage, "new is a destination twice"},
		{"in ! tee [ a ] ! b", outputRule{}, 0, ""},
		{"/dev/null ! tee [ /dev/null ] ! /dev/null", outputRule{}, 0, ""},
		{"in ! /dev/stdout", outputRule{}, 0, ""},
	} {
		p, err := planFlow(strings.Fields(test.flow))
		if err != nil {
			t.Errorf("%s: %v", test.flow, err)
			continue
		}
		err = p.check(test.rule)
		if got := exitCode(err); got != test.want || err != nil && !strings.Contains(err.Error(), test.msg) {
			t.Errorf("%s: exit %d, %v; want %d, %s", test.flow, got, err, test.want, test.msg)
		}
	}
	p, err := planFlow(strings.Fields("in ! old"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.check(outputRule{noClobber: true}); err != errSkipped {
		t.Errorf("-n: %v", err)
	}
}

// An upload, which can fail in its last step, comes before the files, which can still be undone then.
func TestUploadsAreTheFirstBranches(t *testing.T) {
	p, err := planFlow(strings.Fields("in ! tee [ a ] [ tee [ b ] ! http://h/x ] ! http://h/y"))
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, b := range lateFirst(p.chain.branches) {
		for _, end := range b.sinks() {
			order = append(order, end.text)
		}
	}
	if got, want := strings.Join(order, " "), "b http://h/x http://h/y a"; got != want {
		t.Errorf("branches in the order %s, want %s", got, want)
	}
}

// Every default must parse, every example must be a flow, and every element must have what the lists print.
func TestRegistry(t *testing.T) {
	for _, e := range elements {
		if _, err := planFlow(strings.Fields(e.example)); err != nil {
			t.Errorf("%s %s: example: %v", e.role, e.name, err)
		}
		if e.doc == "" {
			t.Errorf("%s %s: no doc", e.role, e.name)
		}
		s := step{name: word{text: e.name}}
		for _, o := range e.options {
			s.args = append(s.args, word{text: o.name + "=" + o.example})
			if o.doc == "" || o.example == "" {
				t.Errorf("%s %s: option %s lacks doc or example", e.role, e.name, o.name)
			}
			if o.byDef != "" {
				if _, err := o.kind.parse(o.byDef); err != nil {
					t.Errorf("%s %s: default of %s: %v", e.role, e.name, o.name, err)
				}
			}
		}
		if _, err := parseOptions(e, s); err != nil {
			t.Errorf("%s %s: the options' examples: %v", e.role, e.name, err)
		}
	}
}

func TestLocalPath(t *testing.T) {
	for in, want := range map[string]string{
		"a": "a", "/x/y": "/x/y", "a:b": "a:b", "file:a": "a", "file:wow%21": "wow!", "file:///x/a%20b": "/x/a b",
		"file://localhost/x": "/x", "FILE:a": "a", "file:": "", "file://host/x": "", "file://x": "", "file:%zz": "",
	} {
		got, err := localPath(in)
		if err != nil {
			got = ""
		}
		if got != want {
			t.Errorf("localPath(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestSumLine(t *testing.T) {
	for name, want := range map[string]string{"-": "00ff  -\n", "a b": "00ff  a b\n", "a\nb": "\\00ff  a\\nb\n", `a\b`: "\\00ff  a\\\\b\n"} {
		if got := sumLine([]byte{0, 255}, name); got != want {
			t.Errorf("sumLine(%q) = %q, want %q", name, got, want)
		}
	}
}
