package copytree

import (
	"errors"
	"os"
	"testing"
)

// What is added up is what is copied, and not what the same words would mean without links.
func TestSizeOf(t *testing.T) {
	t.Chdir(t.TempDir())
	err := errors.Join(
		os.MkdirAll("a/b/c", 0o777), os.Symlink("a/b", "link"), os.Symlink("nowhere", "a/dangling"),
		os.WriteFile("file", make([]byte, 1000), 0o666),
		os.WriteFile("a/file", make([]byte, 10), 0o666),
		os.WriteFile("a/b/c/file", make([]byte, 1), 0o666),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		copies []fileCopy
		want   int64
	}{
		{[]fileCopy{{src: "link/..", tree: true}}, 11}, // a
		{[]fileCopy{{src: "link/../b", tree: true}}, 1},
		{[]fileCopy{{src: "a/", tree: true}, {src: "file"}}, 1011},
		{[]fileCopy{{src: "a/.", tree: true}}, 11},
		{[]fileCopy{{src: "link", tree: true}}, 0},
		{[]fileCopy{{src: "a/dangling", tree: true}}, 0},
		{[]fileCopy{{src: "missing", tree: true}}, -1},
		{[]fileCopy{{src: "missing"}, {src: "a", tree: true}}, -1},
	} {
		if got := sizeOf(t.Context(), test.copies); got != test.want {
			t.Errorf("%v: got %d, want %d", test.copies, got, test.want)
		}
	}
	if err := os.Symlink("file", "to-file"); err != nil {
		t.Fatal(err)
	}
	if got := sizeOf(t.Context(), []fileCopy{{src: "to-file"}}); got != 1000 {
		t.Errorf("a link to a file, which is copied as the file: got %d", got)
	}
}
