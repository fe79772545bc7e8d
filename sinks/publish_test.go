package sinks_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/weirflow/weir/sinks"
)

func TestPublish(t *testing.T) {
	for _, test := range []struct {
		name string
		old  bool
		opts sinks.FileOptions
		want error
	}{
		{"new", false, sinks.FileOptions{}, nil},
		{"replace", true, sinks.FileOptions{}, nil},
		{"create only", false, sinks.FileOptions{NoClobber: true}, nil},
		{"exists", true, sinks.FileOptions{NoClobber: true}, fs.ErrExist},
	} {
		for _, confined := range []bool{false, true} {
			dir := t.TempDir()
			write(t, filepath.Join(dir, ".came"), "new")
			if test.old {
				write(t, filepath.Join(dir, "out"), "old")
			}
			from, to, opts := filepath.Join(dir, ".came"), filepath.Join(dir, "out"), test.opts
			if confined {
				root, err := os.OpenRoot(dir)
				if err != nil {
					t.Fatal(err)
				}
				defer root.Close()
				from, to, opts.Root = ".came", "out", root
			}
			err := sinks.Publish(t.Context(), from, to, opts)
			if !errors.Is(err, test.want) {
				t.Errorf("%s, confined %t: %v", test.name, confined, err)
			}
			want := map[string]string{"out": "new"}
			if test.want != nil {
				want = map[string]string{"out": "old", ".came": "new"}
			}
			wantTree(t, dir, want)
		}
	}
}

func TestPublishKeepsTheMode(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, ".came"), filepath.Join(dir, "out")
	write(t, from, "new")
	write(t, to, "old")
	if err := os.Chmod(to, 0o440); err != nil {
		t.Fatal(err)
	}
	if err := sinks.Publish(t.Context(), from, to, sinks.FileOptions{}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm()&0o222 != 0 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestPublishFails(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "came"), "new")
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		from, to string
		opts     sinks.FileOptions
	}{
		{"none", "out", sinks.FileOptions{}},
		{"folder", "out", sinks.FileOptions{}},
		{"came", "folder", sinks.FileOptions{}},
		{"came", "none/out", sinks.FileOptions{}},
		{"came", "out", sinks.FileOptions{Append: true}},
		{"came", "out", sinks.FileOptions{InPlace: true}},
		{"came", "out", sinks.FileOptions{Resume: "x"}},
		{"came", "out", sinks.FileOptions{Durability: 9}},
	} {
		if err := sinks.Publish(t.Context(), filepath.Join(dir, test.from), filepath.Join(dir, test.to), test.opts); err == nil {
			t.Errorf("%+v: no error", test)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "came")); err != nil || string(b) != "new" {
		t.Errorf("%q, %v", b, err)
	}
}
