//go:build unix && !aix && !solaris

package sinks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
)

func init() {
	children["file"] = func(args []string) error { return run(say("new"), sinks.File(args[0])) }
	children["endless"] = func(args []string) error { return run(pour(), sinks.File(args[0])) }
	children["nobody"] = func(args []string) error {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(65534), syscall.Setuid(65534)); err != nil {
			return err
		}
		return children[args[0]](args[1:])
	}
	children["limited"] = func(args []string) error {
		limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			return err
		}
		return run(pour(), sinks.File(args[0]))
	}
}

func modeOf(t *testing.T, name string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestFileMode(t *testing.T) {
	old := syscall.Umask(0o027)
	defer syscall.Umask(old)
	for _, tt := range []struct{ before, option, want fs.FileMode }{
		{0, 0, 0o640},
		{0, 0o777, 0o750},
		{0, 0o600, 0o600},
		{0, 0o400, 0o400},
		{0o604, 0, 0o604},
		{0o777, 0o600, 0o777},
		{0o400, 0, 0o400},
	} {
		name := filepath.Join(t.TempDir(), "out")
		if tt.before != 0 {
			write(t, name, "old")
			if err := os.Chmod(name, tt.before); err != nil {
				t.Fatal(err)
			}
		}
		err := run(whileOpen(func() error {
			temp, _ := filepath.Glob(filepath.Join(filepath.Dir(name), ".out.weir-*"))
			if len(temp) != 1 {
				return fmt.Errorf("temporary files: %v", temp)
			}
			if got := modeOf(t, temp[0]); got&^tt.want != 0 && got != 0o600 {
				t.Errorf("%v: the temporary file has mode %v", tt, got)
			}
			return nil
		}), sinks.FileWith(name, sinks.FileOptions{Mode: tt.option}))
		if err != nil {
			t.Error(err)
		}
		if got := modeOf(t, name); got != tt.want {
			t.Errorf("a file of mode %v, option %v: got %v, want %v", tt.before, tt.option, got, tt.want)
		}
	}
}

func TestFileKeepsTheOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("NOT RUN: only root can give files away")
	}
	name := filepath.Join(t.TempDir(), "out")
	write(t, name, "old")
	if err := errors.Join(os.Chown(name, 12345, 54321), os.Chmod(name, 0o640)); err != nil {
		t.Fatal(err)
	}
	if err := run(say("new"), sinks.File(name)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	if st.Uid != 12345 || st.Gid != 54321 || info.Mode() != 0o640 {
		t.Errorf("got owner %d:%d, mode %v", st.Uid, st.Gid, info.Mode())
	}
}

// nobodysFolder returns a folder in a place that user 65534 gets to.
func nobodysFolder(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("NOT RUN: only root can become somebody else")
	}
	dir, err := os.MkdirTemp("", "weir-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFileWithoutPermission(t *testing.T) {
	dir := nobodysFolder(t)
	write(t, filepath.Join(dir, "old"), "old")
	for _, name := range []string{"old", "new"} {
		name := filepath.Join(dir, name)
		out, err := child(t, "nobody", "endless", name).CombinedOutput()
		if want := name + ": permission denied"; err == nil || string(out) != want {
			t.Errorf("got %q, %v; want %q", out, err, want)
		}
	}
	wantTree(t, dir, map[string]string{"old": "old"})
}

// A group that the new file cannot have must not be replaced by one that sees more.
func TestFileThatLosesItsGroup(t *testing.T) {
	dir := nobodysFolder(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "old")
	write(t, name, "old")
	if err := os.Chmod(name, 0o664); err != nil {
		t.Fatal(err)
	}
	if out, err := child(t, "nobody", "file", name).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	if got := modeOf(t, name); got != 0o644 {
		t.Errorf("got %v, want what others have for the group", got)
	}
}

// A folder that may be written to but not read.
func TestFileInADropBox(t *testing.T) {
	dir := nobodysFolder(t)
	if err := os.Chmod(dir, 0o733); err != nil {
		t.Fatal(err)
	}
	if out, err := child(t, "nobody", "file", filepath.Join(dir, "out")).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	wantTree(t, dir, map[string]string{"out": "new"})
}

func TestFileTooLarge(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	write(t, name, "old")
	out, err := child(t, "limited", name).CombinedOutput()
	if want := name + ": write: file too large"; err == nil || string(out) != want {
		t.Errorf("got %q, %v; want %q", out, err, want)
	}
	wantTree(t, dir, map[string]string{"out": "old"})
}

func TestFileIsLockedDuringTheRun(t *testing.T) {
	pipetest.NoLeaks(t)
	dir := t.TempDir()
	locked := func() error {
		temp, _ := filepath.Glob(filepath.Join(dir, ".out.weir-*"))
		if len(temp) != 1 {
			return fmt.Errorf("temporary files: %v", temp)
		}
		f, err := os.Open(temp[0])
		if err != nil {
			return err
		}
		defer f.Close()
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("the lock gives %v", err)
		}
		return nil
	}
	// Also between the close and the rename: the last steps go from left to right.
	before := pipeline.NewSink("before", func(ctx context.Context, in *pipeline.Inlet) error {
		in.AtEnd(func(context.Context, error) error { return locked() })
		return sinks.Discard().Run(ctx, in)
	})
	if err := run(whileOpen(locked), pipeline.Tee(before, sinks.File(filepath.Join(dir, "out")))); err != nil {
		t.Error(err)
	}
	wantTree(t, dir, map[string]string{"out": whileOpenAll})
}

// Not even until the next garbage collection is a descriptor left: of the file, its lock, its folder.
func TestFileClosesItsDescriptors(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	open := func() int {
		t.Helper()
		entries, err := os.ReadDir("/dev/fd")
		if err != nil {
			t.Skip("NOT RUN: descriptors cannot be counted: ", err)
		}
		return len(entries)
	}
	boom := errors.New("boom")
	name := filepath.Join(t.TempDir(), "out")
	for what, tt := range map[string]struct {
		source pipeline.Source
		name   string
		want   error
	}{
		"success":       {say("x"), name, nil},
		"failure":       {whileOpen(func() error { return boom }), name, boom},
		"panic":         {whileOpen(func() error { panic(boom) }), name, boom},
		"small failure": {pipeline.NewSource("fail", func(context.Context, *pipeline.Outlet) error { return boom }), name + "2", boom},
		"overtaken": {pipeline.NewSource("overtaken", func(ctx context.Context, out *pipeline.Outlet) error {
			out.AtEnd(func(context.Context, error) error { return os.WriteFile(name+"3", nil, 0o666) })
			return nil
		}), name + "3", nil},
		"device":         {say("x"), "/dev/null", nil},
		"missing folder": {say("x"), filepath.Join(name+"-missing", "out"), fs.ErrNotExist},
	} {
		before := open()
		if err := run(tt.source, sinks.File(tt.name)); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", what, err, tt.want)
		}
		if after := open(); after != before {
			t.Errorf("%s: %d descriptors open, %d before", what, after, before)
		}
	}
}

func TestFileReplacesOneOfSeveralHardLinks(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "old")
	if err := os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	if err := run(say("new"), sinks.File(filepath.Join(dir, "a"))); err != nil {
		t.Fatal(err)
	}
	wantTree(t, dir, map[string]string{"a": "new", "b": "old"})
}

func fifo(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestFileIntoAFIFO(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, noClobber := range []bool{false, true} {
		name := fifo(t)
		done := make(chan error, 1)
		go func() {
			done <- run(say(strings.Repeat("0123456789", 1e5)), sinks.FileWith(name, sinks.FileOptions{NoClobber: noClobber}))
		}()
		got, err := os.ReadFile(name)
		if err := errors.Join(err, <-done); err != nil {
			t.Error(err)
		}
		if string(got) != strings.Repeat("0123456789", 1e5) {
			t.Errorf("read %d bytes", len(got))
		}
		wantTree(t, filepath.Dir(name), map[string]string{"fifo": "p---------"})
	}
}

// The wait for a reader, and a write that nobody reads, end with the run.
func TestFileIntoAFIFOIsInterrupted(t *testing.T) {
	pipetest.NoLeaks(t)
	cause := errors.New("cause")
	t.Run("no reader", func(t *testing.T) {
		name := fifo(t)
		ctx, cancel := context.WithCancelCause(context.Background())
		source := sayThen("x", func(ctx context.Context) error {
			cancel(cause)
			<-ctx.Done()
			return nil
		})
		if _, err := source.To(sinks.File(name)).Run(ctx); err != cause {
			t.Errorf("got %v, want %v", err, cause)
		}
	})
	t.Run("full", func(t *testing.T) {
		name := fifo(t)
		ctx, cancel := context.WithCancelCause(context.Background())
		done := make(chan error, 1)
		go func() {
			_, err := pour().To(sinks.File(name)).Run(ctx)
			done <- err
		}()
		r, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := io.ReadFull(r, make([]byte, 100_000)); err != nil {
			t.Fatal(err)
		}
		cancel(cause)
		if err := <-done; err != cause {
			t.Errorf("got %v, want %v", err, cause)
		}
	})
	t.Run("the reader leaves", func(t *testing.T) {
		name := fifo(t)
		done := make(chan error, 1)
		go func() { done <- run(pour(), sinks.File(name)) }()
		r, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		if err := <-done; !errors.Is(err, syscall.EPIPE) || err.Error() != name+": write: broken pipe" {
			t.Errorf("got %v", err)
		}
	})
}

func TestFileIntoDevices(t *testing.T) {
	pipetest.NoLeaks(t)
	before, err := os.Stat("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	symlink(t, "/dev/null", link)
	for _, name := range []string{"/dev/null", link} {
		if err := run(say("x", "y"), sinks.FileWith(name, sinks.FileOptions{NoClobber: true})); err != nil {
			t.Error(err)
		}
	}
	after, err := os.Stat("/dev/null")
	if err != nil || !os.SameFile(before, after) || before.Mode() != after.Mode() {
		t.Errorf("/dev/null is %v now, %v", after, err)
	}
	if _, err := os.Stat("/dev/full"); err != nil {
		return
	}
	err = run(say("x"), sinks.File("/dev/full"))
	if !errors.Is(err, syscall.ENOSPC) || err.Error() != "/dev/full: write: no space left on device" {
		t.Errorf("got %v", err)
	}
}

// What the process was given as a descriptor is not replaced, and not written from its start again.
func TestFileIntoADescriptor(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	symlink(t, "/dev/stdout", link)
	for _, name := range []string{"/dev/stdout", "/dev/fd/1", "/dev/stderr", "/dev/fd/3", link} {
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.WriteString("before "); err != nil {
			t.Fatal(err)
		}
		cmd := child(t, "file", name)
		cmd.Stdout, cmd.Stderr = out, out
		cmd.ExtraFiles = []*os.File{out}
		err = cmd.Run()
		out.Close()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantTree(t, filepath.Dir(out.Name()), map[string]string{"out": "before new"})
	}
	err := run(say("x"), sinks.File("/dev/fd/987"))
	if !errors.Is(err, syscall.EBADF) || !strings.Contains(err.Error(), "/dev/fd/987") {
		t.Errorf("got %v", err)
	}
}

// What the kernel has taken from a pipe and could not write is lost: an error of the sink, although the source is at its end
// then and would find nothing wrong. From a file it can be read again, and the error is the same.
func TestFullDeviceFromFiles(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skipf("no device that is always full: %v", err)
	}
	name := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(name, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for round := range 20 { // the kernel copies only if the sink is ready before the source
		for _, open := range []func() (*os.File, error){
			func() (*os.File, error) { return os.Open(name) },
			func() (*os.File, error) {
				r, w, err := os.Pipe()
				if err == nil {
					_, err = w.WriteString("hello")
					w.Close()
				}
				return r, err
			},
		} {
			full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			in, err := open()
			if err != nil {
				t.Fatal(err)
			}
			src := pipeline.NewSource("in", func(ctx context.Context, out *pipeline.Outlet) error {
				if round%2 == 0 {
					out.SetSize(5)
				}
				for range 100 {
					runtime.Gosched()
				}
				return out.CopyFrom(ctx, in)
			})
			var e *pipeline.Error
			if err := run(src, sinks.Writer(full)); !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &e) || e.Node != "writer" {
				t.Errorf("from %s: %v", in.Name(), err)
			}
			in.Close()
			full.Close()
		}
	}
}
