package atomicfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirflow/weir/internal/atomicfile"
	"github.com/weirflow/weir/internal/fusetest"
)

// Whatever name the file system takes, a file and a link of that name can be made, replaced and resumed.
func TestNamesUpToTheLongest(t *testing.T) {
	for _, nameMax := range []int{64, 143, 0} {
		dir, below := fusetest.Mount(t, fusetest.Options{NameMax: nameMax})
		longest := nameMax
		if longest == 0 {
			longest = 255
		}
		for _, letter := range []string{"n", "€"} {
			for _, length := range []int{1, 40, 45, 47, 48, 49, 50, 51, 52, 63, 64, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 142, 143, 144, 254, 255} {
				if length > longest || length < len(letter) {
					continue
				}
				base := strings.Repeat("n", length%len(letter)) + strings.Repeat(letter, length/len(letter))
				name := filepath.Join(dir, base)
				for _, opts := range []atomicfile.Options{{CreateOnly: true, Sync: atomicfile.SyncNone}, {Sync: atomicfile.SyncNone}} {
					if err := atomicfile.WriteFile(nil, name, []byte("new"), opts); err != nil {
						t.Fatalf("%d bytes of at most %d: %v", length, longest, err)
					}
				}
				resumed(t, name)
				for range 2 {
					if err := atomicfile.ReplaceLink(nil, "target", name); err != nil {
						t.Fatalf("%d bytes of at most %d: %v", length, longest, err)
					}
				}
				wantTree(t, below, map[string]string{base: "-> target"})
				if err := os.Remove(name); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// resumed writes a file in two runs.
func resumed(t *testing.T, name string) {
	t.Helper()
	for _, offset := range []int64{0, 3} {
		p, err := atomicfile.FindPartial(nil, name)
		if err != nil || p.Offset != offset {
			t.Fatalf("%s: %+v, %v; want %d bytes", name, p, err, offset)
		}
		d, err := atomicfile.Locate(nil, name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := d.Resume("a", offset, atomicfile.Options{Sync: atomicfile.SyncNone})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("new")); err != nil {
			t.Fatal(err)
		}
		if offset == 0 {
			err = f.Discard()
		} else if err = f.Finish(nil); err == nil {
			err = f.Publish()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(name); err != nil || string(b) != "newnew" {
		t.Errorf("%s: %q, %v", name, b, err)
	}
}

// Long names that begin alike have temporary files of their own, and none is the one of a name that looks like it.
func TestLongNamesDoNotCollide(t *testing.T) {
	dir := t.TempDir()
	seen := map[string]string{}
	names := []string{strings.Repeat("n", 255), strings.Repeat("n", 254) + "m", strings.Repeat("n", 254)}
	for i := range 30 {
		names = append(names, strings.Repeat("n", 110+i))
	}
	for range 2 { // the second time, with what the first one has used
		for _, base := range names {
			d, err := atomicfile.Locate(nil, filepath.Join(dir, base))
			if err != nil {
				t.Fatal(err)
			}
			f, err := d.Create(atomicfile.Options{})
			if err != nil {
				t.Fatal(err)
			}
			found, err := filepath.Glob(filepath.Join(dir, ".*"))
			if err != nil || len(found) != 1 {
				t.Fatalf("%q, %v", found, err)
			}
			if err := f.Discard(); err != nil {
				t.Fatal(err)
			}
			temp := filepath.Base(found[0])
			if other, taken := seen[temp]; taken && other != base || len(temp) > 143-len("9999")+1 {
				t.Errorf("%s is a temporary name of %s and of %s", temp, base, other)
			}
			seen[temp] = base
			if i := strings.LastIndex(temp, ".weir-"); len(names) < 200 && len(base) > 130 {
				names = append(names, temp[1:i]) // the name that another one's temporary files seem to be of
			}
		}
	}
}

func TestSweepDirectory(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	gone := []string{".l.weir-0123456789abc", ".l.weir-0123456789a", ".l.weir-link-7", ".l.weir-12", ".f.weir-zyxwvutsrqpon", ".f.weir-40", ".f.weir-0"}
	want := map[string]string{}
	for i, name := range gone {
		if err := os.Symlink("x", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, ".f") {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, name), fmt.Sprint(i))
		}
	}
	for _, name := range []string{"l", ".l.weir-0123456789abcd", ".l.weir-012345678z", ".l.weir-0123456789ABC", ".l.weir-link-x", ".l.weirdo", ".other.weir-0123456789abc", "l.weir-0123456789abc"} {
		if err := os.Symlink("x", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		want[name] = "-> x"
	}
	for _, name := range []string{"f", ".f.part", ".other.weir-0", ".f.weir-readme0000.md"} {
		write(t, filepath.Join(dir, name), "kept")
		want[name] = "kept"
	}
	d, err := atomicfile.Locate(nil, filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := d.Create(atomicfile.Options{}) // takes .f.weir-0 over, which was left, and has it locked
	if err != nil {
		t.Fatal(err)
	}
	want[".f.weir-0"] = ""
	atomicfile.SweepDirectory(root, func(name string) bool { return name == "f" || name == "l" })
	wantTree(t, dir, want)
	if err := f.Discard(); err != nil {
		t.Fatal(err)
	}
}
