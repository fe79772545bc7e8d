package sinks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// resume copies what Partial says is missing, in chunks; step is called before each with how many bytes
// have been sent.
func resume(from, to, fingerprint string, step func(sent int64) error) error {
	left, off, err := sinks.Partial(nil, to)
	if err != nil {
		return err
	}
	if left != fingerprint {
		off = 0
	}
	var sent int64
	steps := pipeline.NewStage("steps", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			if err := step(sent); err != nil {
				return err
			}
			sent += int64(c.Len())
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return step(sent)
	})
	flow := sources.FileWith(from, sources.FileOptions{Offset: off}).Via(steps).To(sinks.Resume(to, fingerprint, off, sinks.FileOptions{}))
	flow.ChunkSize, flow.Buffer = 4<<10, 1 // what was sent has arrived, but for a chunk or two
	_, err = flow.Run(context.Background())
	return err
}

// interrupted fails a copy of from after n bytes.
func interrupted(t testing.TB, from, to, fingerprint string, n int64) {
	t.Helper()
	boom := errors.New("boom")
	err := resume(from, to, fingerprint, func(sent int64) error {
		if sent >= n {
			return boom
		}
		return nil
	})
	if !errors.Is(err, boom) {
		t.Fatalf("got %v, want boom", err)
	}
}

func partial(t testing.TB, name, fingerprint string) int64 {
	t.Helper()
	left, n, err := sinks.Partial(nil, name)
	if err != nil {
		t.Fatal(err)
	}
	if left != fingerprint {
		return 0
	}
	return n
}

// However often a run fails or is cancelled, the next one goes on, and the file has the right bytes at the
// end; if the source has changed, it starts anew.
func TestFileResumes(t *testing.T) {
	pipetest.NoLeaks(t)
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			r.Fatal(err)
		}
		from, to := filepath.Join(dir, "in"), filepath.Join(dir, "out")
		fingerprint, content := "", []byte(nil)
		var had int64
		change := func(i int) {
			fingerprint = fmt.Sprintf("version %d \"\n\x00ü\xff", i)
			content = pattern(rapid.IntRange(1, 300_000).Draw(r, "size"))
			content[0] = byte(i)
			if err := os.WriteFile(from, content, 0o666); err != nil {
				r.Fatal(err)
			}
			had = 0
		}
		change(0)
		for i := range rapid.IntRange(0, 6).Draw(r, "failures") {
			if rapid.IntRange(0, 3).Draw(r, "change") == 0 {
				change(i + 1)
			}
			left, off, err := sinks.Partial(nil, to)
			if left != fingerprint {
				off = 0
			}
			if err != nil || off < had || off > int64(len(content)) {
				r.Fatalf("Partial gives %d of %d, %d before, %v", off, len(content), had, err)
			}
			had = off
			boom := errors.New("boom")
			at := int64(rapid.IntRange(0, len(content)-int(off)).Draw(r, "at"))
			err = resume(from, to, fingerprint, func(sent int64) error {
				if sent >= at {
					return boom
				}
				return nil
			})
			if !errors.Is(err, boom) {
				r.Fatalf("got %v", err)
			}
			if _, err := os.Stat(to); err == nil {
				r.Fatal("a part was published")
			}
		}
		if err := resume(from, to, fingerprint, func(int64) error { return nil }); err != nil {
			r.Fatal(err)
		}
		got, err := os.ReadFile(to)
		if err != nil || !bytes.Equal(got, content) {
			r.Fatalf("%d bytes, want %d, %v", len(got), len(content), err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
			r.Fatalf("left: %v, %v", entries, err)
		}
	})
}

func TestFileKeepsThePart(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	from, to := filepath.Join(t.TempDir(), "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(from, pattern(1<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	if n := partial(t, to, "a"); n != 0 {
		t.Errorf("nothing is there, and Partial gives %d", n)
	}
	interrupted(t, from, to, "a", 0)
	wantTree(t, dir, map[string]string{}) // nothing came, so nothing is kept
	interrupted(t, from, to, "a", 500<<10)
	n := partial(t, to, "a")
	if n <= 0 || n > 600<<10 {
		t.Errorf("%d bytes are left", n)
	}
	got := tree(t, dir)
	if len(got) != 2 || got[".out.part"] != string(pattern(1 << 20)[:n]) || got[".out.part.id"] == "" {
		t.Errorf("left: %v", shortened(got))
	}
	if n := partial(t, to, "b"); n != 0 {
		t.Errorf("of another source, %d bytes are left", n)
	}
	// A run without Resume has nothing to do with it.
	if err := run(say("plain"), sinks.File(to)); err != nil {
		t.Error(err)
	}
	if m := partial(t, to, "a"); m != n {
		t.Errorf("%d bytes are left, want %d", m, n)
	}
	// Less is there than Partial said: another run began anew meanwhile.
	before, err := os.ReadFile(filepath.Join(dir, ".out.part"))
	if err := errors.Join(err, os.Truncate(filepath.Join(dir, ".out.part"), n/2)); err != nil {
		t.Fatal(err)
	}
	rest := sinks.Resume(to, "a", n, sinks.FileOptions{})
	if err := run(say("rest"), rest); err == nil || !strings.Contains(err.Error(), to+": resume: the partial file has fewer than") {
		t.Errorf("got %v", err)
	}
	write(t, filepath.Join(dir, ".out.part"), string(before))
	// Another source gets a new file.
	if err := run(say("other"), sinks.Resume(to, "b", 0, sinks.FileOptions{})); err != nil {
		t.Error(err)
	}
	wantTree(t, dir, map[string]string{"out": "other"})
	// The part is gone, so the offset does not hold.
	err = run(say("rest"), rest)
	if err == nil || !strings.Contains(err.Error(), to+": resume: the partial file has fewer than") {
		t.Errorf("got %v", err)
	}
	if err := run(say("new"), sinks.Resume(to, "a", 0, sinks.FileOptions{})); err != nil {
		t.Error(err)
	}
	wantTree(t, dir, map[string]string{"out": "new"})
}

// Records that are torn, empty or of something else are worth nothing; never a wrong byte.
func TestFileOfADamagedRecord(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(t.TempDir(), "in"), filepath.Join(dir, "out")
	content := pattern(200_000)
	if err := os.WriteFile(from, content, 0o666); err != nil {
		t.Fatal(err)
	}
	interrupted(t, from, to, "a", 100_000)
	id, part := filepath.Join(dir, ".out.part.id"), filepath.Join(dir, ".out.part")
	whole, err := os.ReadFile(id)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(part)
	if err != nil {
		t.Fatal(err)
	}
	all := partial(t, to, "a")
	for n := range whole {
		for _, record := range [][]byte{whole[:n], append(bytes.Clone(whole[:n]), "\x00\x00\x00\x00\n{\"fingerprint\":\"YQ==\",\"synced\":999999}"...), append(bytes.Clone(whole[:n]), whole[n]^1)} {
			if err := os.WriteFile(id, record, 0o666); err != nil {
				t.Fatal(err)
			}
			if got := partial(t, to, "a"); got != 0 && got != all {
				t.Errorf("a record of %d bytes: %d are left", len(record), got)
			}
		}
	}
	if err := os.WriteFile(id, whole, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, len(data) / 2} { // as after a crash that the record survived
		if err := os.WriteFile(part, data[:n], 0o666); err != nil {
			t.Fatal(err)
		}
		if got := partial(t, to, "a"); got != int64(n) {
			t.Errorf("%d bytes are there, Partial gives %d", n, got)
		}
		// Bytes that were not synced are not trusted.
		if err := os.WriteFile(part, append(bytes.Clone(data), make([]byte, 5000)...), 0o666); err != nil {
			t.Fatal(err)
		}
		if got := partial(t, to, "a"); got != all {
			t.Errorf("%d of them are synced, Partial gives %d", all, got)
		}
	}
	if err := resume(from, to, "a", func(int64) error { return nil }); err != nil {
		t.Fatal(err)
	}
	wantTree(t, dir, map[string]string{"out": string(content)})
}

// A partial file has one writer.
func TestFileOfTwoResumedRuns(t *testing.T) {
	dir := t.TempDir()
	to := filepath.Join(dir, "out")
	sink := sinks.Resume(to, "a", 0, sinks.FileOptions{})
	err := run(whileOpen(func() error {
		err := run(say("second"), sink)
		if err == nil || !strings.HasSuffix(err.Error(), to+": resume: another run is writing to it") {
			t.Errorf("got %v", err)
		}
		return nil
	}), sink)
	if err != nil {
		t.Error(err)
	}
	wantTree(t, dir, map[string]string{"out": whileOpenAll})
}

// A run that expects more than is there leaves nothing.
func TestResumeWithoutAPart(t *testing.T) {
	dir := t.TempDir()
	_, err := sources.Bytes([]byte("x")).To(sinks.Resume(filepath.Join(dir, "f"), "v1", 5, sinks.FileOptions{})).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "fewer than 5 bytes") {
		t.Errorf("error %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// A stream continues only the bytes that its source has made: another fingerprint, or more bytes than there
// are, fail the run before the first byte is written, and what is there stays as it was.
func TestResumeRefusesOtherBytes(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := os.WriteFile(from, bytes.Repeat([]byte("v1"), 32<<10), 0o666); err != nil {
		t.Fatal(err)
	}
	interrupted(t, from, to, "v1", 40<<10)
	n := partial(t, to, "v1")
	if n == 0 {
		t.Fatal("nothing is left to continue")
	}
	part := filepath.Join(dir, ".to.part")
	before, err := os.ReadFile(part)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		fingerprint string
		offset      int64
	}{{"v2", n}, {"v2", 1}, {"v1", n + 1}} {
		_, err := sources.Bytes([]byte("the rest of v2")).To(sinks.Resume(to, tt.fingerprint, tt.offset, sinks.FileOptions{})).Run(t.Context())
		if err == nil {
			t.Errorf("%+v: the run succeeded", tt)
		}
		after, readErr := os.ReadFile(part)
		if readErr != nil || !bytes.Equal(after, before) || partial(t, to, "v1") != n {
			t.Fatalf("%+v: the partial file has changed from %d to %d bytes (%v)", tt, len(before), len(after), readErr)
		}
		if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%+v: published: %v", tt, err)
		}
	}
}

// A run that continues before the end of what is there takes the rest back at once: what it then writes, and
// has not synced, is not promised to the next run.
func TestResumeEarlierPromisesNoMore(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := os.WriteFile(from, bytes.Repeat([]byte("v1"), 64<<10), 0o666); err != nil {
		t.Fatal(err)
	}
	interrupted(t, from, to, "v1", 60<<10)
	if n := partial(t, to, "v1"); n < 40<<10 {
		t.Fatalf("%d bytes are left, want 40 KiB or more", n)
	}
	const base = 4 << 10
	looks := 0
	look := pipeline.NewStage("look", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		var sent int64
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			sent += int64(c.Len())
			if err := out.Send(ctx, c); err != nil {
				return err
			}
			if sent < 32<<10 {
				continue
			}
			looks++ // some of it has arrived by now, and nothing of it is synced
			if n := partial(t, to, "v1"); n > base {
				return fmt.Errorf("%d bytes are promised, want at most %d", n, base)
			}
		}
		return nil
	})
	flow := sources.FileWith(from, sources.FileOptions{Offset: base}).Via(look).To(sinks.Resume(to, "v1", base, sinks.FileOptions{}))
	flow.ChunkSize, flow.Buffer = 4<<10, 1
	if _, err := flow.Run(t.Context()); err != nil || looks == 0 {
		t.Fatalf("looked %d times: %v", looks, err)
	}
}
