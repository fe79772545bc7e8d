//go:build unix && !aix

package sources_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sources"
)

func fifo(t testing.TB) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// The source waits for the first writer: the end of the stream is when the last one has left.
func TestFileFromAFIFO(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, want := range [][]byte{nil, []byte("x"), text(300_000)} {
		for _, early := range []bool{false, true} {
			name := fifo(t)
			ready := make(chan struct{})
			wrote := make(chan error, 1)
			go func() {
				if !early {
					<-ready
				}
				wrote <- os.WriteFile(name, want, 0)
			}()
			var c pipetest.Collector
			flow := sources.File(name).To(c.Sink())
			run, err := flow.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			close(ready)
			report, err := run.Wait()
			if err := errors.Join(err, <-wrote); err != nil {
				t.Error(err)
			}
			got, ok := c.Published()
			if !ok || !bytes.Equal(got, want) || report.Channels[0].Size != -1 {
				t.Errorf("got %d bytes, want %d; promised %d", len(got), len(want), report.Channels[0].Size)
			}
		}
	}
}

// The wait for a writer, and a read that gets nothing, end with the run.
func TestFileFromAFIFOIsInterrupted(t *testing.T) {
	pipetest.NoLeaks(t)
	cause := errors.New("cause")
	t.Run("no writer, cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(context.Background())
		blocked := pipeline.NewSink("cancel", func(context.Context, *pipeline.Inlet) error {
			waitForOpenFIFO(t)
			cancel(cause)
			return cause
		})
		if _, err := sources.File(fifo(t)).To(blocked).Run(ctx); err != cause {
			t.Errorf("got %v, want %v", err, cause)
		}
	})
	t.Run("no writer, stopped", func(t *testing.T) {
		blocked := pipeline.NewSink("stop", func(context.Context, *pipeline.Inlet) error {
			waitForOpenFIFO(t)
			return pipeline.Enough
		})
		if _, err := sources.File(fifo(t)).To(blocked).Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("a silent writer", func(t *testing.T) {
		name := fifo(t)
		opened := make(chan *os.File, 1)
		go func() {
			w, err := os.OpenFile(name, os.O_WRONLY, 0)
			if err != nil {
				t.Error(err)
			}
			w.WriteString("x")
			opened <- w
		}()
		ctx, cancel := context.WithCancelCause(context.Background())
		_, err := sources.File(name).To(afterFirst(func() { cancel(cause) })).Run(ctx)
		if err != cause {
			t.Errorf("got %v, want %v", err, cause)
		}
		(<-opened).Close()
	})
}

// waitForOpenFIFO returns when the process has a FIFO open, where that can be seen.
func waitForOpenFIFO(t *testing.T) {
	if runtime.GOOS != "linux" {
		return
	}
	for {
		fds, err := filepath.Glob("/proc/self/fd/*")
		if err != nil {
			t.Error(err)
			return
		}
		for _, fd := range fds {
			if name, _ := os.Readlink(fd); filepath.Base(name) == "fifo" {
				return
			}
		}
		runtime.Gosched()
	}
}

func TestFileFromAFIFOHasNoPositions(t *testing.T) {
	pipetest.NoLeaks(t)
	name := fifo(t)
	w, err := os.OpenFile(name, os.O_RDWR, 0) // so that nobody waits
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteString("0123456789"); err != nil {
		t.Fatal(err)
	}
	_, _, err = drain(t.Context(), sources.FileWith(name, sources.FileOptions{Offset: 1}))
	if want := name + ": offset 1: want 0, because it has no positions"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	got, promised, err := drain(t.Context(), sources.FileWith(name, sources.FileOptions{Length: 4}))
	if err != nil || string(got) != "0123" || promised != 4 {
		t.Errorf("got %q, promised %d, %v", got, promised, err)
	}
}

func TestFileFromDevices(t *testing.T) {
	pipetest.NoLeaks(t)
	got, promised, err := drain(t.Context(), sources.File("/dev/null"))
	if err != nil || len(got) != 0 || promised != -1 {
		t.Errorf("/dev/null: got %d bytes, promised %d, %v", len(got), promised, err)
	}
	got, promised, err = drain(t.Context(), sources.FileWith("/dev/zero", sources.FileOptions{Length: 100_000}))
	if err != nil || !bytes.Equal(got, make([]byte, 100_000)) || promised != 100_000 {
		t.Errorf("/dev/zero: got %d bytes, promised %d, %v", len(got), promised, err)
	}
	if _, err := sources.File("/dev/zero").To(enough(5 << 20)).Run(t.Context()); err != nil {
		t.Error(err)
	}
	_, _, err = drain(t.Context(), sources.FileWith("/dev/null", sources.FileOptions{Length: 1}))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a byte of /dev/null: got %v", err)
	}
}

// Files whose size means nothing are read to their end.
func TestFileThatDoesNotKnowItsSize(t *testing.T) {
	pipetest.NoLeaks(t)
	for _, name := range []string{"/proc/self/limits", "/proc/version", "/sys/class/net/lo/mtu", "/sys/kernel/mm/transparent_hugepage/enabled"} {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Logf("NOT RUN: %v", err)
			continue
		}
		got, promised, err := drain(t.Context(), sources.File(name))
		if err != nil || !bytes.Equal(got, want) || promised != -1 {
			t.Errorf("%s: got %q, promised %d, %v", name, got, promised, err)
		}
	}
}

func init() {
	children["nobody"] = func(args []string) error {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(65534), syscall.Setuid(65534)); err != nil {
			return err
		}
		_, _, err := drain(context.Background(), sources.File(args[0]))
		return err
	}
}

func TestFileWithoutPermission(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("NOT RUN: only root can become somebody else")
	}
	dir, err := os.MkdirTemp("", "weir-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "secret")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(name, []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	out, err := child(t, "nobody", name).CombinedOutput()
	if want := name + ": permission denied"; err == nil || string(out) != want {
		t.Errorf("got %q, %v; want %q", out, err, want)
	}
}

// A FIFO without a writer.
func TestFileConformsWhileItWaits(t *testing.T) {
	want := text(10)
	name := file(t, want)
	pipetest.TestSourceWith(t, func() pipeline.Source { return sources.File(name) }, pipetest.SourceOptions{
		Blocked: func() pipeline.Source { return sources.File(fifo(t)) },
	}, want)
}
