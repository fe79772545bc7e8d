package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/weirflow/weir/internal/atomicfile"
)

func TestPublish(t *testing.T) {
	for _, test := range []struct {
		name string
		old  bool
		opts atomicfile.Options
		want error
	}{
		{"new", false, atomicfile.Options{}, nil},
		{"replace", true, atomicfile.Options{}, nil},
		{"create only", false, atomicfile.Options{CreateOnly: true}, nil},
		{"exists", true, atomicfile.Options{CreateOnly: true}, fs.ErrExist},
	} {
		for _, confined := range []bool{false, true} {
			dir := t.TempDir()
			write(t, filepath.Join(dir, ".came"), "new")
			if test.old {
				write(t, filepath.Join(dir, "out"), "old")
			}
			from, to, root := filepath.Join(dir, ".came"), filepath.Join(dir, "out"), (*os.Root)(nil)
			if confined {
				var err error
				if root, err = os.OpenRoot(dir); err != nil {
					t.Fatal(err)
				}
				defer root.Close()
				from, to = ".came", "out"
			}
			err := atomicfile.Publish(root, from, to, test.opts)
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
	if err := atomicfile.Publish(nil, from, to, atomicfile.Options{}); err != nil {
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
		opts     atomicfile.Options
	}{
		{"none", "out", atomicfile.Options{}},
		{"folder", "out", atomicfile.Options{}},
		{"came", "folder", atomicfile.Options{}},
		{"came", "none/out", atomicfile.Options{}},
		{"came", "out", atomicfile.Options{Sync: 9}},
	} {
		if err := atomicfile.Publish(nil, filepath.Join(dir, test.from), filepath.Join(dir, test.to), test.opts); err == nil {
			t.Errorf("%+v: no error", test)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "came")); err != nil || string(b) != "new" {
		t.Errorf("%q, %v", b, err)
	}
}
