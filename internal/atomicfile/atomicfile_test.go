package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/internal/atomicfile"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// tree returns what is in dir: names with contents, "-> target" for links, "/" for directories.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		rel = filepath.ToSlash(rel)
		switch {
		case d.IsDir():
			got[rel] = "/"
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			got[rel] = "-> " + link
			return err
		default:
			b, err := os.ReadFile(path)
			got[rel] = string(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func wantTree(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("the directory (-want +got):\n%s", diff)
	}
}

// A file has two exits; after one of them, the other does nothing.
func TestFileHasTwoExits(t *testing.T) {
	for _, publish := range []bool{true, false} {
		dir := t.TempDir()
		d, err := atomicfile.Locate(nil, filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		f, err := d.Create(atomicfile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Write([]byte("new"))
		if err := errors.Join(err, f.Finish(nil)); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		if publish {
			err = f.Publish()
			want["out"] = "new"
		}
		if err := errors.Join(err, f.Discard(), f.Discard()); err != nil {
			t.Error(err)
		}
		wantTree(t, dir, want)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "record")
	for _, content := range []string{"first", "", "third"} {
		if err := atomicfile.WriteFile(nil, name, []byte(content), atomicfile.Options{Mode: 0o600}); err != nil {
			t.Error(err)
		}
		wantTree(t, dir, map[string]string{"record": content})
	}
	if err := atomicfile.WriteFile(nil, name, nil, atomicfile.Options{CreateOnly: true}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	if err := atomicfile.WriteFile(nil, filepath.Join(dir, "none", "record"), nil, atomicfile.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	wantTree(t, dir, map[string]string{"record": "third"})
}

// What a name stands for is found once, and what is there then decides.
func TestLocate(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := errors.Join(os.MkdirAll("a/b", 0o777), os.Symlink("a/b", "link"), os.Symlink("a/new", "dangling")); err != nil {
		t.Skip("NOT RUN: no symbolic links here: ", err)
	}
	write(t, "a/file", "file")
	for _, tt := range []struct {
		name   string
		exists bool
		isNew  bool // CheckNew succeeds
	}{
		{"new", false, true},
		{"a/file", true, false},
		{"link/../file", true, false}, // not ./file: the system goes up from a/b
		{"link/../new", false, true},
		{"dangling", false, false},
	} {
		d, err := atomicfile.Locate(nil, tt.name)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if err := d.CheckNew(); d.Exists() != tt.exists || (err == nil) != tt.isNew || err != nil && !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: exists %t, %v", tt.name, d.Exists(), err)
		}
		d.Close()
		d.Close()
	}
}

// However many replace a link at once, each succeeds, it is that of one of them, and nothing is left.
func TestReplaceLink(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "link")
	if err := os.Symlink("stale", filepath.Join(dir, ".link.weir-link-0")); err != nil {
		t.Skip("NOT RUN: no symbolic links here: ", err)
	}
	write(t, name, "a file")
	write(t, filepath.Join(dir, ".link.weir-1"), "another")
	if err := os.Symlink("stale", filepath.Join(dir, ".link.weir-2")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".link.weir-link-1"), 0o777); err != nil {
		t.Fatal(err)
	}
	const links = 50
	errs := make(chan error, links)
	for i := range links {
		go func() {
			errs <- atomicfile.ReplaceLink(nil, string(rune('a'+i%26)), name)
		}()
	}
	for range links {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	to, err := os.Readlink(name)
	if err != nil || len(to) != 1 {
		t.Errorf("%q, %v", to, err)
	}
	wantTree(t, dir, map[string]string{"link": "-> " + to, ".link.weir-1": "another", ".link.weir-link-1": "/"})
	if err := atomicfile.ReplaceLink(nil, "x", filepath.Join(dir, ".link.weir-link-1")); err == nil {
		t.Error("a directory was replaced")
	}
	wantTree(t, dir, map[string]string{"link": "-> " + to, ".link.weir-1": "another", ".link.weir-link-1": "/"})
}

// A partial file that is in use stays.
func TestRemovePartial(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	begin := func() *atomicfile.File {
		d, err := atomicfile.Locate(nil, name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := d.Resume("fingerprint \xff", 0, atomicfile.Options{})
		if err == nil {
			_, err = f.Write([]byte("part"))
		}
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := begin()
	if err := atomicfile.RemovePartial(nil, name); err == nil {
		t.Error("a partial file in use was removed")
	}
	if err := f.Discard(); err != nil {
		t.Error(err)
	}
	p, err := atomicfile.FindPartial(nil, name)
	if want := (atomicfile.Partial{Fingerprint: "fingerprint \xff", Offset: 4, Path: filepath.Join(dir, ".out.part")}); p != want || err != nil {
		t.Errorf("got %+v, %v; want %+v", p, err, want)
	}
	for range 2 {
		if err := atomicfile.RemovePartial(nil, name); err != nil {
			t.Error(err)
		}
		wantTree(t, dir, map[string]string{})
	}
}

// A file that somebody else has a way to is not taken for a partial one, unless it was published already.
func TestResumeOfAHardLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: how many names a file has is not known there")
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	write(t, filepath.Join(dir, "mine"), "mine")
	if err := os.Link(filepath.Join(dir, "mine"), filepath.Join(dir, ".out.part")); err != nil {
		t.Skip("NOT RUN: no hard links here: ", err)
	}
	resume := func() error {
		d, err := atomicfile.Locate(nil, name)
		if err != nil {
			return err
		}
		f, err := d.Resume("fingerprint", 0, atomicfile.Options{})
		if err != nil {
			return err
		}
		defer f.Discard()
		if _, err := f.Write([]byte("new")); err != nil {
			return err
		}
		return errors.Join(f.Finish(nil), f.Publish())
	}
	if err := resume(); err == nil {
		t.Error("success")
	}
	wantTree(t, dir, map[string]string{"mine": "mine", ".out.part": "mine"})
	if err := os.Rename(filepath.Join(dir, "mine"), name); err != nil {
		t.Fatal(err)
	}
	if err := resume(); err != nil {
		t.Error(err)
	}
	wantTree(t, dir, map[string]string{"out": "new"})
}
