package main

import (
	"os"
	"strings"
	"testing"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
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
		flow     string
		existing cli.Existing
		want     int
		msg      string
	}{
		{"in ! new", cli.Existing{}, 0, ""},
		{"in ! old", cli.Existing{}, cli.ExitExists, "old: exists already"},
		{"in ! old", cli.Existing{Force: true}, 0, ""},
		{"in ! link", cli.Existing{}, cli.ExitExists, "link: exists already"},
		{"in ! dangling", cli.Existing{}, cli.ExitExists, "dangling: exists already"},
		{"in ! dangling", cli.Existing{Force: true}, 0, ""},
		{"in ! file:old", cli.Existing{}, cli.ExitExists, "old: exists already"},
		{"in ! dir", cli.Existing{Force: true}, cli.ExitFailed, "is a directory"},
		{"in ! none/new", cli.Existing{}, cli.ExitFailed, "there is no directory none"},
		{"in ! in/new", cli.Existing{}, cli.ExitFailed, "not a directory"},
		{"in ! new/", cli.Existing{}, cli.ExitFailed, "no such directory"},
		{"none ! new", cli.Existing{}, cli.ExitNoSource, "none: no such file"},
		{"dir ! new", cli.Existing{}, cli.ExitFailed, "is a directory"},
		{"file:none ! new", cli.Existing{}, cli.ExitNoSource, "none: no such file"},
		{"in ! tee [ a ] [ dir/../a ] ! b", cli.Existing{}, cli.ExitUsage, "dir/../a is a destination twice"},
		{"in ! tee [ link ] ! old", cli.Existing{Force: true}, cli.ExitUsage, "old is a destination twice"},
		{"in ! tee [ http://h/a ] ! http://h/a", cli.Existing{}, cli.ExitUsage, "http://h/a is a destination twice"},
		{"in ! tee [ - ] ! -", cli.Existing{}, cli.ExitUsage, "- is a destination twice"},
		{"in ! tee [ file:new ] ! new", cli.Existing{}, cli.ExitUsage, "new is a destination twice"},
		{"in ! tee [ a ] ! b", cli.Existing{}, 0, ""},
		{"/dev/null ! tee [ /dev/null ] ! /dev/null", cli.Existing{}, 0, ""},
		{"in ! /dev/stdout", cli.Existing{}, 0, ""},
	} {
		f, err := newRegistry().Parse(strings.Fields(test.flow)...)
		if err != nil {
			t.Errorf("%s: %v", test.flow, err)
			continue
		}
		_, err = checkFlow(f, test.existing)
		if got := cli.ExitCode(err); got != test.want || err != nil && !strings.Contains(err.Error(), test.msg) {
			t.Errorf("%s: exit %d, %v; want %d, %s", test.flow, got, err, test.want, test.msg)
		}
	}
	f, err := newRegistry().Parse("in", "!", "old")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checkFlow(f, cli.Existing{NoClobber: true}); err != cli.ErrSkipped {
		t.Errorf("-n: %v", err)
	}
}
