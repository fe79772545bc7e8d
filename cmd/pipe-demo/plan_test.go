package main

import (
	"os"
	"strings"
	"testing"
)

// Outputs that are there, named twice or impossible are found before anything is touched.
func TestCheckFlow(t *testing.T) {
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
		f, err := newRegistry().Parse(strings.Fields(test.flow)...)
		if err != nil {
			t.Errorf("%s: %v", test.flow, err)
			continue
		}
		err = checkFlow(f, test.rule)
		if got := exitCode(err); got != test.want || err != nil && !strings.Contains(err.Error(), test.msg) {
			t.Errorf("%s: exit %d, %v; want %d, %s", test.flow, got, err, test.want, test.msg)
		}
	}
	f, err := newRegistry().Parse("in", "!", "old")
	if err != nil {
		t.Fatal(err)
	}
	if err := checkFlow(f, outputRule{noClobber: true}); err != errSkipped {
		t.Errorf("-n: %v", err)
	}
}
