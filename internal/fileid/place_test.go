package fileid_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/fileid"
)

func TestPlaces(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "file", "x", time.Now())
	write(t, "other", "x", time.Now())
	if err := errors.Join(os.Mkdir("sub", 0o777), os.Link("file", "hard"), os.Symlink("file", "soft"), os.Symlink("new", "dangling"),
		os.Symlink("../sub", "sub/up"), os.Symlink("sub/up/new", "far"), os.Symlink("circle", "circle")); err != nil {
		t.Skipf("NOT RUN: no links here: %v", err)
	}
	root, err := os.OpenRoot("sub")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, same := range [][]string{
		{"file", "./file", "hard", "soft", "sub/../file", dir + "/file", "sub/../soft"},
		{"other", "sub/up/../other"},
		{"new", "./new", "dangling", "sub/../new", dir + "/new"},
		{"sub/new", "far", "sub/up/new", "sub/./new"},
		{"New name", filepath.Join(dir, "New name")},
	} {
		want, ok := fileid.PlaceOf(nil, same[0])
		if !ok {
			t.Fatalf("%s has no place", same[0])
		}
		for _, name := range same {
			if got, ok := fileid.PlaceOf(nil, name); got != want || !ok {
				t.Errorf("%s: %v, %t; %s: %v", name, got, ok, same[0], want)
			}
		}
	}
	if a, _ := fileid.PlaceOf(root, "new"); a.Name == "" {
		t.Error("sub/new in a root has no place")
	} else if b, _ := fileid.PlaceOf(nil, "sub/new"); a != b {
		t.Errorf("in a root %v, outside of it %v", a, b)
	}
	seen := make(map[fileid.Place]string)
	for _, name := range []string{"file", "other", "new", "sub/new", "sub/file"} {
		p, ok := fileid.PlaceOf(nil, name)
		if before := seen[p]; before != "" || !ok {
			t.Errorf("%s: %v, %t, as %q", name, p, ok, before)
		}
		seen[p] = name
	}
	for _, name := range []string{"", "sub", "circle", "no/new", "file/new", os.DevNull} {
		if p, ok := fileid.PlaceOf(nil, name); ok {
			t.Errorf("%q: %v, want none", name, p)
		}
	}
	f, err := os.Open("soft")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, _ := fileid.PlaceOf(nil, "file")
	if got, ok := fileid.PlaceOfFile(f); got != want || !ok {
		t.Errorf("open: %v, %t; want %v", got, ok, want)
	}
}
