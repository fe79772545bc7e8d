package sinks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// otherFileSystem returns a folder on another file system than that of temporary files.
func otherFileSystem(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "weir-")
	if err != nil {
		t.Skip("NOT RUN: no second file system: ", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	a, err1 := os.Stat(dir)
	b, err2 := os.Stat(t.TempDir())
	if err1 != nil || err2 != nil || a.Sys().(*syscall.Stat_t).Dev == b.Sys().(*syscall.Stat_t).Dev {
		t.Skip("NOT RUN: no second file system")
	}
	return dir
}

// 10 GiB of which 4 KiB are data take no time and no space, also between file systems.
func TestFileOfA10GiBHole(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, where := range []string{"here", "from another file system", "to another file system"} {
		t.Run(where, func(t *testing.T) {
			from, to := t.TempDir(), t.TempDir()
			switch where {
			case "from another file system":
				from = otherFileSystem(t)
			case "to another file system":
				to = otherFileSystem(t)
			}
			a, b := filepath.Join(from, "in"), filepath.Join(to, "out")
			const size, at = 10 << 30, 7<<30 + 4096
			data := pattern(4096)
			sparseFile(t, a, size, map[int64]string{at: string(data)})
			before := bytesRead(t)
			report, err := sources.File(a).To(sinks.File(b)).Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n := bytesRead(t) - before; n > 64<<20 {
				t.Errorf("%d bytes were read: the holes, too", n)
			}
			if n := report.Channels[0].Bytes; n != size {
				t.Errorf("%d bytes counted, want %d", n, int64(size))
			}
			if n := allocated(t, b); n > 64<<10 {
				t.Errorf("%d bytes on the disk", n)
			}
			f, err := os.Open(b)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got := make([]byte, 4096)
			if _, err := f.ReadAt(got, at); err != nil || !bytes.Equal(got, data) {
				t.Errorf("the data is not there: %v", err)
			}
			if info, err := f.Stat(); err != nil || info.Size() != size {
				t.Errorf("%d bytes, %v", info.Size(), err)
			}
		})
	}
}

// Files that the kernel does not copy between come all the same.
func TestFileFromOtherFileSystems(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	b := filepath.Join(dir, "out")
	for _, name := range []string{"/proc/version", "/proc/filesystems", "/sys/kernel/mm/transparent_hugepage/enabled"} {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Logf("NOT RUN: %v", err)
			continue
		}
		if err := run(sources.File(name), sinks.File(b)); err != nil {
			t.Error(err)
		}
		wantTree(t, dir, map[string]string{"out": string(want)})
	}
	other := filepath.Join(otherFileSystem(t), "in")
	want := pattern(5 << 20)
	if err := os.WriteFile(other, want, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := run(sources.File(other), sinks.File(b)); err != nil {
		t.Error(err)
	}
	wantTree(t, dir, map[string]string{"out": string(want)})
}

// What stands between the two files in memory is nothing: the kernel copies.
func TestFileIsCopiedByTheKernel(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(a, pattern(20<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	for way, via := range ways {
		report, err := sources.File(a).Via(via).To(sinks.File(b)).Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		last := report.Channels[len(report.Channels)-1]
		if last.Bytes != 20<<20 || (last.Chunks < 66) != (way == "direct") {
			t.Errorf("%s: %d bytes in %d chunks", way, last.Bytes, last.Chunks)
		}
		sameFiles(t, a, b)
	}
}

func init() {
	children["copy limited"] = func(args []string) error {
		limit := syscall.Rlimit{Cur: 12 << 20, Max: 12 << 20}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			return err
		}
		return run(sources.File(args[0]), sinks.File(args[1]))
	}
}

// A source that turns out to have holes when space is reserved already.
func TestFileGivesBackWhatIsReserved(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	a, b := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	const hole, before = 200 << 20, 8 << 20
	sparseFile(t, a, hole, map[int64]string{100 << 20: "x"})
	source := pipeline.NewSource("both", func(ctx context.Context, out *pipeline.Outlet) error {
		out.SetSize(before + hole)
		for range before >> 20 {
			c := pipeline.NewChunk(1 << 20)
			copy(c.Bytes(), pattern(1<<20))
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		f, err := os.Open(a)
		if err != nil {
			return err
		}
		defer f.Close()
		return out.CopyFrom(ctx, f)
	})
	if err := run(source, sinks.File(b)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(b); err != nil || info.Size() != before+hole {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	if n := allocated(t, b); n > before+1<<20 {
		t.Errorf("%d bytes on the disk", n)
	}
}

// A source that was cut off since it promised its size: a hole does not go on behind the end.
func TestFileOfAHoleThatWasCutOff(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, size := range []int64{0, 1, 8 << 20, 30 << 20} {
		dir := t.TempDir()
		a, b := filepath.Join(t.TempDir(), "in"), filepath.Join(dir, "out")
		sparseFile(t, a, size, nil)
		source := pipeline.NewSource("promise", func(ctx context.Context, out *pipeline.Outlet) error {
			out.SetSize(40 << 20)
			f, err := os.Open(a)
			if err != nil {
				return err
			}
			defer f.Close()
			return out.CopyFrom(ctx, io.LimitReader(f, 40<<20))
		})
		if err := run(source, sinks.File(b)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: got %v", size, err)
		}
		wantTree(t, dir, map[string]string{})
	}
}

// smallDisk mounts a tmpfs of 16 MiB.
func smallDisk(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("weir-test", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skip("NOT RUN: no small disk: mount: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A full disk: an error with the file's name, the old file intact, no debris.
func TestFileOnAFullDisk(t *testing.T) {
	pipetest.NoLeaks(t)
	disk := smallDisk(t)
	big := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(big, pattern(20<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(disk, "out")
	write(t, name, "old")
	unsized := pipeline.NewStage("unsized", pipeline.Stage{}.Run)
	for what, tt := range map[string]struct {
		source pipeline.Source
		sink   pipeline.Sink
		op     string
	}{
		"known size, kernel": {sources.File(big), sinks.File(name), "fallocate"},
		"known size, chunks": {sources.File(big).Via(apart), sinks.File(name), "fallocate"},
		"unknown size":       {pour(), sinks.File(name), "write"},
		"unsized":            {sources.File(big).Via(unsized), sinks.File(name), "write"},
		"sparse":             {sources.File(big), sinks.FileWith(name, sinks.FileOptions{Sparse: true}), "write"},
		"append":             {sources.File(big), sinks.Append(name), "write"},
	} {
		_, err := tt.source.To(tt.sink).Run(t.Context())
		if !errors.Is(err, unix.ENOSPC) || err.Error() != name+": "+tt.op+": no space left on device" {
			t.Errorf("%s: got %v", what, err)
		}
		wantTree(t, disk, map[string]string{"out": "old"})
	}
	// With a hole it fits.
	hole := filepath.Join(t.TempDir(), "hole")
	sparseFile(t, hole, 1<<30, map[int64]string{1 << 29: "x"})
	if err := run(sources.File(hole), sinks.File(name)); err != nil {
		t.Error(err)
	}
}

func TestFileTooLargeForTheKernel(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(t.TempDir(), "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(a, pattern(20<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	write(t, b, "old")
	out, err := child(t, "copy limited", a, b).CombinedOutput()
	if err == nil || string(out) != b+": write: file too large" || strings.Contains(string(out), "weir-") {
		t.Errorf("got %q, %v", out, err)
	}
	wantTree(t, dir, map[string]string{"out": "old"})
}

// bytesRead returns how many bytes this process has read, or let the kernel read.
func bytesRead(t *testing.T) (n int64) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(b), "rchar: %d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A partial file that fills the disk is kept with its record, so that it can be resumed.
func TestResumeOnAFullDisk(t *testing.T) {
	disk := smallDisk(t)
	name := filepath.Join(disk, "out")
	for _, mode := range []sinks.Sync{0, sinks.SyncNone} {
		_, err := pour().To(sinks.Resume(name, "v1", 0, sinks.FileOptions{Sync: mode})).Run(t.Context())
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		fingerprint, n, err := sinks.Partial(nil, name)
		if fingerprint != "v1" || n < 15<<20 || err != nil {
			t.Errorf("kept: %d bytes of %q, %v", n, fingerprint, err)
		}
		part, err := os.Stat(filepath.Join(disk, ".out.part"))
		if err != nil || part.Size() < n {
			t.Errorf("the partial file: %v, %v", part, err)
		}
	}
}
