package fileid_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/fileid"
)

func version(t *testing.T, name string) fileid.Version {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return fileid.OfFile(f, info)
}

func write(t *testing.T, name, content string, modTime time.Time) {
	t.Helper()
	if err := errors.Join(os.WriteFile(name, []byte(content), 0o666), os.Chtimes(name, modTime, modTime)); err != nil {
		t.Fatal(err)
	}
}

// Another content of the same length, with the time of the old one restored, is another version.
func TestContentChangesTheVersion(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	when := time.Date(2020, 1, 2, 3, 4, 5, 6700, time.UTC)
	write(t, name, "old", when)
	old := version(t, name)
	if !old.Strong() {
		t.Skip("NOT RUN: the file system does not count changes")
	}
	if again := version(t, name); again != old {
		t.Errorf("without a change: %+v, then %+v", old, again)
	}
	for deadline := time.Now().Add(time.Second); ; { // a tick of the clock later, where the kernel has coarse times
		write(t, name, "new", when)
		if changed := version(t, name); changed != old {
			if changed.ID != old.ID || changed.Size != old.Size || changed.ModTime != old.ModTime {
				t.Errorf("changed: %+v, before %+v: want only the time of the change to differ", changed, old)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the version stays")
		}
	}
}

// Names and links do not matter, and a copy is another file.
func TestLinksHaveOneID(t *testing.T) {
	dir := t.TempDir()
	one, hard, soft, other := filepath.Join(dir, "one"), filepath.Join(dir, "hard"), filepath.Join(dir, "soft"), filepath.Join(dir, "other")
	now := time.Now()
	write(t, one, "x", now)
	write(t, other, "x", now)
	if err := errors.Join(os.Link(one, hard), os.Symlink(one, soft)); err != nil {
		t.Skipf("NOT RUN: no links here: %v", err)
	}
	want := version(t, one).ID
	for _, name := range []string{hard, soft} {
		if got := version(t, name).ID; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if got := version(t, other).ID; got == want {
		t.Error("two files have the same ID")
	}
}

// Times that do not fit into 64 bits of nanoseconds are kept apart.
func TestTimesOutOfRange(t *testing.T) {
	a, b := time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2185, 7, 21, 23, 34, 33, 709551616, time.UTC)
	if a.UnixNano() != b.UnixNano() {
		t.Fatal("the times are to be those that overflow to the same number")
	}
	if fileid.TimeOf(a) == fileid.TimeOf(b) {
		t.Errorf("%v and %v are the same", a, b)
	}
}
