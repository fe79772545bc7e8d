//go:build unix && !aix && !solaris

package sinks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/internal/testenv"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
)

// What a killed run left is removed by the next one to the same name. What is in use, or looks like it and
// is not, stays.
func TestFileRemovesStaleFiles(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	const random = ".weir-0abcdefghij12"
	keep := map[string]string{
		".out" + random + "x":              "too long",
		".out.weir-abc":                    "too short",
		".out.weir-0ABCDEFGHIJ12":          "other letters",
		".outer" + random:                  "of another name",
		".out.weir-0abcdefghij12" + random: "of another name that begins alike",
		"out" + random:                     "no dot",
		".out.weir-locked0000000":          "in use",
	}
	for f, content := range keep {
		write(t, filepath.Join(dir, f), content)
	}
	inUse, err := os.Open(filepath.Join(dir, ".out.weir-locked0000000"))
	if err != nil {
		t.Fatal(err)
	}
	defer inUse.Close()
	if err := unix.Flock(int(inUse.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".out.weir-folder0000000"), 0o777); err != nil {
		t.Fatal(err)
	}
	keep[".out.weir-folder0000000"] = "/"
	symlink(t, "out", filepath.Join(dir, ".out.weir-link000000000"))
	keep[".out.weir-link000000000"] = "-> out"
	if err := unix.Mkfifo(filepath.Join(dir, ".out.weir-fifo000000000"), 0o666); err != nil {
		t.Fatal(err)
	}
	keep[".out.weir-fifo000000000"] = "p---------"
	for i := range 3 {
		write(t, filepath.Join(dir, fmt.Sprintf(".out.weir-stale%08d", i)), "stale")
	}
	if err := run(say("new"), sinks.File(name)); err != nil {
		t.Fatal(err)
	}
	keep["out"] = "new"
	wantTree(t, dir, keep)
}

// A folder is not looked through again for each of a thousand runs, but what was seen the first time is not
// forgotten.
func TestFileRemovesStaleFilesOfEachName(t *testing.T) {
	dir := t.TempDir()
	want := map[string]string{}
	for i := range 50 {
		write(t, filepath.Join(dir, fmt.Sprintf(".out%d.weir-stale00000000", i)), "stale")
	}
	for i := range 50 {
		name := fmt.Sprintf("out%d", i)
		if err := run(say("new"), sinks.FileWith(filepath.Join(dir, name), sinks.FileOptions{Durability: sinks.DurabilityNone})); err != nil {
			t.Fatal(err)
		}
		want[name] = "new"
	}
	wantTree(t, dir, want)
}

// Many runs at once to one name, while somebody throws in stale files: each run ends well, and nothing is left.
func TestFileOf100RunsAtOnce(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	sink := sinks.FileWith(name, sinks.FileOptions{Durability: sinks.DurabilityNone})
	const runs = 100
	content := func(i int) string { return strings.Repeat(fmt.Sprintf("%03d", i), 10_000) }
	var all sync.WaitGroup
	for i := range runs {
		all.Go(func() {
			for round := range 5 {
				write(t, filepath.Join(dir, fmt.Sprintf(".out.weir-stale%04d%04d", i, round)), "stale")
				if err := run(say(content(i), ""), sink); err != nil {
					t.Error(err)
				}
				b, err := os.ReadFile(name)
				if err != nil || len(b) != 30_000 || strings.Repeat(string(b[:3]), 10_000) != string(b) {
					t.Errorf("%d bytes that are not those of one run, %v", len(b), err)
				}
			}
		})
	}
	all.Wait()
	// This process may not be due to look again; a new one is.
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
