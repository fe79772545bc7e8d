//go:build unix && !aix && !solaris

package sinks_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
)

// What a killed run left is removed by the next one to the same name. What is in use, or looks like it and
// is not, stays.
func TestFileRemovesStaleFiles(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	keep := map[string]string{
		".out.weir-0x":       "not a number",
		".out.weir-00":       "not as we write it",
		".out.weir-":         "no number",
		".outer.weir-0":      "of another name",
		".out.weir-0.weir-0": "of another name that begins alike",
		"out.weir-0":         "no dot",
		".out.weir-2":        "in use",
	}
	for f, content := range keep {
		write(t, filepath.Join(dir, f), content)
	}
	inUse, err := os.Open(filepath.Join(dir, ".out.weir-2"))
	if err != nil {
		t.Fatal(err)
	}
	defer inUse.Close()
	if err := unix.Flock(int(inUse.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".out.weir-4"), 0o777); err != nil {
		t.Fatal(err)
	}
	keep[".out.weir-4"] = "/"
	symlink(t, "out", filepath.Join(dir, ".out.weir-6"))
	keep[".out.weir-6"] = "-> out"
	if err := unix.Mkfifo(filepath.Join(dir, ".out.weir-7"), 0o666); err != nil {
		t.Fatal(err)
	}
	keep[".out.weir-7"] = "p---------"
	write(t, filepath.Join(dir, "mine"), "mine")
	if err := os.Link(filepath.Join(dir, "mine"), filepath.Join(dir, ".out.weir-8")); err != nil {
		t.Fatal(err)
	}
	keep["mine"], keep[".out.weir-8"] = "mine", "mine"
	for _, n := range []int{0, 1, 3, 5, 20} {
		write(t, filepath.Join(dir, fmt.Sprintf(".out.weir-%d", n)), "stale")
	}
	if err := run(say("new"), sinks.File(name)); err != nil {
		t.Fatal(err)
	}
	keep["out"] = "new"
	wantTree(t, dir, keep)
}

// A run whose first numbers are taken by what it may not touch uses the next one.
func TestFileBesideWhatIsNotItsOwn(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	symlink(t, "nowhere", filepath.Join(dir, ".out.weir-0"))
	write(t, filepath.Join(dir, "mine"), "mine")
	if err := errors.Join(os.Mkdir(filepath.Join(dir, ".out.weir-1"), 0o777), os.Link(filepath.Join(dir, "mine"), filepath.Join(dir, ".out.weir-2"))); err != nil {
		t.Fatal(err)
	}
	want := tree(t, dir)
	err := run(whileOpen(func() error {
		_, err := os.Stat(filepath.Join(dir, ".out.weir-3"))
		return err
	}), sinks.File(name))
	if err != nil {
		t.Error(err)
	}
	want["out"] = whileOpenAll
	wantTree(t, dir, want)
}

// What belongs to somebody else is not removed, unless the user is root, whose own files may have been given away.
func TestFileLeavesStrangersFiles(t *testing.T) {
	dir := nobodysFolder(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "out")
	write(t, filepath.Join(dir, ".out.weir-0"), "root's")
	if err := os.Chmod(filepath.Join(dir, ".out.weir-0"), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := child(t, "nobody", "file", name).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	wantTree(t, dir, map[string]string{".out.weir-0": "root's", "out": "new"})
	if err := os.Chown(filepath.Join(dir, ".out.weir-0"), 12345, 54321); err != nil {
		t.Fatal(err)
	}
	if err := run(say("newer"), sinks.File(name)); err != nil {
		t.Error(err)
	}
	wantTree(t, dir, map[string]string{"out": "newer"})
}

// A run that was killed between giving the file its name and removing the temporary one has left both.
func TestFileRemovesASecondNameOfTheFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	write(t, name, "old")
	if err := os.Link(name, filepath.Join(dir, ".out.weir-0")); err != nil {
		t.Fatal(err)
	}
	if err := run(say("new"), sinks.File(name)); err != nil {
		t.Error(err)
	}
	wantTree(t, dir, map[string]string{"out": "new"})
}

// The temporary name of a long name is one that no other name has.
func TestFileOfLongNamesThatBeginAlike(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	for _, long := range []string{strings.Repeat("x", 254), strings.Repeat("ü", 120)} {
		a, b := long+"a", long+"b"
		sink := func(name string) pipeline.Sink {
			return sinks.Resume(filepath.Join(dir, name), name, 0, sinks.FileOptions{})
		}
		err := run(whileOpen(func() error {
			names, err := os.ReadDir(dir)
			if err != nil || len(names) != 1 || len(names[0].Name()) > 143 {
				t.Errorf("%v, %v", names, err)
			}
			return run(say("b"), sink(b))
		}), sink(a))
		if err != nil {
			t.Error(err)
		}
		wantTree(t, dir, map[string]string{a: whileOpenAll, b: "b"})
		if err := errors.Join(os.Remove(filepath.Join(dir, a)), os.Remove(filepath.Join(dir, b))); err != nil {
			t.Fatal(err)
		}
	}
}

// A directory that is renamed during the run gets the file; what takes its name does not.
func TestFileInADirectoryThatMoves(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, opts := range []options{{}, {FileOptions: sinks.FileOptions{NoClobber: true}}, {Resume: "x"}, {Append: true}, {InPlace: true}} {
		for _, old := range []string{"", "old"} {
			if old != "" && opts.NoClobber {
				continue
			}
			for _, failed := range []error{nil, errors.New("boom")} {
				dir := t.TempDir()
				at := filepath.Join(dir, "at")
				if err := os.Mkdir(at, 0o777); err != nil {
					t.Fatal(err)
				}
				if old != "" {
					write(t, filepath.Join(at, "out"), old)
				}
				source := pipeline.NewSource("say", func(ctx context.Context, out *pipeline.Outlet) error {
					if err := whileOpen(func() error { return nil }).Run(ctx, out); err != nil {
						return err
					}
					testenv.AwaitIdle(ctx) // all of it has been written
					return errors.Join(os.Rename(at, filepath.Join(dir, "moved")), os.Mkdir(at, 0o777), failed)
				})
				_, err := testenv.Run(t.Context(), source.To(opts.sink(filepath.Join(at, "out"))))
				if !errors.Is(err, failed) {
					t.Errorf("%+v: got %v, want %v", opts, err, failed)
				}
				want := map[string]string{"at": "/", "moved": "/"}
				switch {
				case failed == nil && opts.Append:
					want["moved/out"] = old + whileOpenAll
				case failed == nil:
					want["moved/out"] = whileOpenAll
				case opts.InPlace && old != "":
					want["moved/out"] = whileOpenAll // it cannot be undone
				case old != "":
					want["moved/out"] = old
				}
				got := tree(t, dir)
				for name := range got {
					if opts.Resume != "" && failed != nil && strings.Contains(name, "moved/.out.part") {
						delete(got, name)
					}
				}
				if diff := cmp.Diff(shortened(want), shortened(got)); diff != "" {
					t.Errorf("%+v, old %q, %v (-want +got):\n%s", opts, old, failed, diff)
				}
			}
		}
	}
}

// Many runs at once to one name, while somebody throws in stale files: each run ends well, and nothing is left.
func TestFileOf100RunsAtOnce(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	sink := sinks.FileWith(name, sinks.FileOptions{Sync: sinks.SyncNone})
	const runs = 100
	content := func(i int) string { return strings.Repeat(fmt.Sprintf("%03d", i), 10_000) }
	var all sync.WaitGroup
	for i := range runs {
		all.Go(func() {
			for round := range 5 {
				name := filepath.Join(dir, fmt.Sprintf(".out.weir-%d", (i+round)%3))
				if f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); err == nil {
					f.Close()
				}
				if err := run(say(content(i), ""), sink); err != nil {
					t.Error(err)
				}
				b, err := os.ReadFile(filepath.Join(dir, "out"))
				if err != nil || len(b) != 30_000 || strings.Repeat(string(b[:3]), 10_000) != string(b) {
					t.Errorf("%d bytes that are not those of one run, %v", len(b), err)
				}
			}
		})
	}
	all.Wait()
	// The last ones may have left what was thrown in after they had looked.
	if out, err := child(t, "file", name).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	wantTree(t, dir, map[string]string{"out": "new"})
}

// Processes that are killed at any moment leave the old file or the new one, and the next run cleans up.
func TestFileAfterKills(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	write(t, name, "old")
	for i := range 12 {
		cmd := child(t, "endless", name)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for { // it is at work
			temp, _ := filepath.Glob(filepath.Join(dir, ".out.weir-*"))
			if len(temp) > 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(i) * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		if b, err := os.ReadFile(name); err != nil || string(b) != "old" {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		if temp, _ := filepath.Glob(filepath.Join(dir, ".out.weir-*")); len(temp) != 1 {
			t.Errorf("temporary files: %v", temp)
		}
	}
	if out, err := child(t, "file", name).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	wantTree(t, dir, map[string]string{"out": "new"})
}

// Whenever a resumed run is killed, the next one ends with the right bytes.
func TestFileResumesAfterKills(t *testing.T) {
	testenv.Long(t)
	dir := t.TempDir()
	from, to := filepath.Join(t.TempDir(), "in"), filepath.Join(dir, "out")
	content := pattern(200 << 20)
	if err := os.WriteFile(from, content, 0o666); err != nil {
		t.Fatal(err)
	}
	resumed := false
	for i := range 6 {
		cmd := child(t, "resume", from, to, "a")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		had, want := partial(t, to, "a"), int64(i%4)*40<<20
		for { // it is at work
			info, err := os.Stat(filepath.Join(dir, ".out.part"))
			if err == nil && info.Size() > max(had, want) {
				break
			}
			if _, err := os.Stat(to); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		cmd.Process.Kill()
		cmd.Wait()
		n := partial(t, to, "a")
		if n < had {
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%d bytes are left, %d before", n, had)
			}
		}
		resumed = resumed || n > 0
	}
	if !resumed {
		t.Error("nothing was ever left")
	}
	if out, err := child(t, "resume", from, to, "a").CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	sameFiles(t, from, to)
	if got := tree(t, dir); len(got) != 1 {
		t.Errorf("debris: %d files", len(got))
	}
}

func init() {
	children["resume"] = func(args []string) error {
		return resume(args[0], args[1], args[2], func(int64) error { return nil })
	}
}
