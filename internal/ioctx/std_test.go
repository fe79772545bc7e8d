//go:build unix && !aix

package ioctx_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/internal/ioctx"
)

// The tests of standard input and output start this binary again, so that the descriptors are really
// inherited. The child does what childEnv says and reports on stderr.
const childEnv = "WEIR_IOCTX_TEST_CHILD"

func TestMain(m *testing.M) {
	job, ok := os.LookupEnv(childEnv)
	if !ok {
		os.Exit(m.Run())
	}
	if job, ok = strings.CutPrefix(job, "nobody "); ok {
		if err := syscall.Setuid(65534); err != nil {
			fmt.Fprintln(os.Stderr, "setuid:", err)
			os.Exit(1)
		}
	}
	if err := map[string]func() error{
		"copy": copyChild, "read": readChild, "write": writeChild, "epipe": epipeChild, "close": closeChild,
	}[strings.TrimPrefix(job, "nobody ")](); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// copyChild copies stdin to stdout.
func copyChild() error {
	in, err := ioctx.Stdin()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := ioctx.Stdout()
	if err != nil {
		return err
	}
	defer out.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, release := ioctx.Reader(ctx, in)
	defer release()
	w, release := ioctx.Writer(ctx, out)
	defer release()
	_, err = io.Copy(struct{ io.Writer }{w}, struct{ io.Reader }{r})
	return err
}

// readChild reads from stdin without success until it is cancelled, then one byte from os.Stdin.
func readChild() error {
	before, err := unix.FcntlInt(0, unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	in, err := ioctx.Stdin()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	r, release := ioctx.Reader(ctx, in)
	var at time.Time
	time.AfterFunc(20*time.Millisecond, func() { at = time.Now(); cancel(errGone) })
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, errGone) {
		return fmt.Errorf("Read: %d, %v, want an interrupted one", n, err)
	}
	if d := time.Since(at); d > prompt {
		return fmt.Errorf("interrupted %v after the context's end", d)
	}
	release()
	if err := in.Close(); err != nil {
		return err
	}
	after, err := unix.FcntlInt(0, unix.F_GETFL, 0)
	if err != nil || after != before {
		return fmt.Errorf("flags of fd 0: %#x, %v, were %#x", after, err, before)
	}
	fmt.Fprintln(os.Stderr, "cancelled")
	if n, err := unix.Read(0, make([]byte, 1)); n != 1 {
		return fmt.Errorf("read of fd 0 after Close: %d, %v", n, err)
	}
	return nil
}

// writeChild writes to stdout, which nobody reads, until it is cancelled.
func writeChild() error {
	before, err := unix.FcntlInt(1, unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	out, err := ioctx.Stdout()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	w, release := ioctx.Writer(ctx, out)
	var at time.Time
	time.AfterFunc(20*time.Millisecond, func() { at = time.Now(); cancel(errGone) })
	for err == nil {
		_, err = w.Write(make([]byte, 1<<16))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, errGone) {
		return fmt.Errorf("Write: %v, want an interrupted one", err)
	}
	if d := time.Since(at); d > prompt {
		return fmt.Errorf("interrupted %v after the context's end", d)
	}
	release()
	if err := out.Close(); err != nil {
		return err
	}
	if after, err := unix.FcntlInt(1, unix.F_GETFL, 0); err != nil || after != before {
		return fmt.Errorf("flags of fd 1: %#x, %v, were %#x", after, err, before)
	}
	return nil
}

// epipeChild writes to stdout, whose reader is gone, and survives.
func epipeChild() error {
	out, err := ioctx.Stdout()
	if err != nil {
		return err
	}
	defer out.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w, release := ioctx.Writer(ctx, out)
	defer release()
	if _, err = w.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("Write: %v, want EPIPE", err)
	}
	return nil
}

// closeChild opens both many times: no descriptor is lost, and none is below 3.
func closeChild() error {
	unix.Close(2) // a number that invites
	for range 3 {
		for _, open := range []func() (*os.File, error){ioctx.Stdin, ioctx.Stdout} {
			f, err := open()
			if err != nil {
				return err
			}
			if f.Fd() < 3 {
				os.Exit(3)
			}
			f.Close()
		}
	}
	for fd := range 2 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			os.Exit(4)
		}
	}
	return nil
}

func child(t *testing.T, job string, stdin, stdout *os.File) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), exe)
	// A program under the race detector takes a second to exit unless told otherwise.
	cmd.Env = append(os.Environ(), childEnv+"="+job, "GORACE=atexit_sleep_ms=0")
	stderr = new(bytes.Buffer)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	return cmd, stderr
}

func runChild(t *testing.T, job string, stdin, stdout *os.File) {
	t.Helper()
	cmd, stderr := child(t, job, stdin, stdout)
	if err := cmd.Run(); err != nil {
		t.Errorf("%s: %v\n%s", job, err, stderr)
	}
}

// pty is a pseudoterminal: what is typed into master is read from terminal, and the other way round.
func pty(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no pseudoterminals: %v", err)
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	t.Cleanup(func() { master.Close() })
	name := ptyName(t, fd)
	tty, err := unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	terminal = os.NewFile(uintptr(tty), name)
	t.Cleanup(func() { terminal.Close() })
	return master, terminal
}

func fifo(t *testing.T) (r, w *os.File) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	// O_RDWR does not wait for the other end.
	rw, err := unix.Open(name, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	rfd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	wfd, err := unix.Open(name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(rw)
	return files(t, [2]int{rfd, wfd})
}

func ptyPair(t *testing.T) (r, w *os.File) {
	master, terminal := pty(t)
	return terminal, master
}

// reading lists what stdin can be: r goes to the child, w stays here.
var reading = []struct {
	name string
	open func(*testing.T) (r, w *os.File)
}{
	{"pipe", blockingPipe},
	{"fifo", fifo},
	{"socket", blockingSocketpair},
	{"terminal", ptyPair},
}

func TestStdinIsInterrupted(t *testing.T) {
	for _, kind := range reading {
		for _, user := range []string{"", "nobody "} {
			t.Run(strings.TrimSpace(kind.name+" "+user), func(t *testing.T) {
				if user != "" && os.Getuid() != 0 {
					t.Skip("SKIPPED: to become another user takes root")
				}
				r, w := kind.open(t)
				cmd, stderr := child(t, user+"read", r, nil)
				report, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
				if err != nil {
					t.Fatal(err)
				}
				defer report.Close()
				pr, pw, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				defer pr.Close()
				cmd.Stderr = pw
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				pw.Close()
				line := make([]byte, 200)
				n, _ := pr.Read(line)
				if got := string(line[:n]); got != "cancelled\n" {
					t.Errorf("the child says %q", got)
				}
				fmt.Fprintln(w, "x")
				if err := cmd.Wait(); err != nil {
					rest, _ := io.ReadAll(pr)
					t.Errorf("%v: %s%s", err, rest, stderr)
				}
			})
		}
	}
}

func TestStdoutIsInterrupted(t *testing.T) {
	for _, kind := range reading {
		for _, user := range []string{"", "nobody "} {
			t.Run(strings.TrimSpace(kind.name+" "+user), func(t *testing.T) {
				if user != "" && os.Getuid() != 0 {
					t.Skip("SKIPPED: to become another user takes root")
				}
				_, w := kind.open(t)
				if kind.name == "terminal" {
					_, w = pty(t) // the other way round
				}
				runChild(t, user+"write", nil, w)
			})
		}
	}
}

func TestStdCopy(t *testing.T) {
	var want []byte
	for i := range 40_000 {
		want = strconv.AppendInt(want, int64(i), 10)
	}
	for _, in := range reading[:3] {
		for _, out := range reading[:3] {
			for _, user := range []string{"", "nobody "} {
				t.Run(fmt.Sprintf("in=%s/out=%s/user=%s", in.name, out.name, user), func(t *testing.T) {
					if user != "" && os.Getuid() != 0 {
						t.Skip("SKIPPED: to become another user takes root")
					}
					stdin, w := in.open(t)
					r, stdout := out.open(t)
					go func() {
						w.Write(want)
						w.Close()
					}()
					cmd, stderr := child(t, user+"copy", stdin, stdout)
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					stdout.Close()
					got, err := io.ReadAll(r)
					if err != nil || !bytes.Equal(got, want) {
						t.Errorf("got %d bytes, %v; want %d", len(got), err, len(want))
					}
					if err := cmd.Wait(); err != nil {
						t.Errorf("%v: %s", err, stderr)
					}
				})
			}
		}
	}
}

// In (read x; copy) < file, the copy begins where read stopped, and what it leaves is for the next one.
func TestStdinFileKeepsItsOffset(t *testing.T) {
	name := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(name, []byte("first\nsecond\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := io.ReadFull(in, make([]byte, len("first\n"))); err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(name+".out", os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	fmt.Fprint(out, "zeroth\n")
	runChild(t, "copy", in, out)
	if got, _ := os.ReadFile(out.Name()); string(got) != "zeroth\nsecond\n" {
		t.Errorf("output %q", got)
	}
	if at, err := in.Seek(0, io.SeekCurrent); err != nil || at != int64(len("first\nsecond\n")) {
		t.Errorf("offset after the child: %d, %v", at, err)
	}
}

func TestStdNull(t *testing.T) {
	in, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	runChild(t, "copy", in, out)
}

// A descriptor that was closed when the process started is an error, though the runtime has opened /dev/null for it.
func TestStdClosed(t *testing.T) {
	cmd, stderr := child(t, "copy", nil, nil)
	if err := cmd.Run(); err == nil || stderr.String() != "child: bad file descriptor\n" {
		t.Errorf("%v: %q", err, stderr)
	}
}

func TestStdoutWithoutReader(t *testing.T) {
	for _, kind := range reading[:3] {
		t.Run(kind.name, func(t *testing.T) {
			r, w := kind.open(t)
			r.Close()
			runChild(t, "epipe", nil, w)
		})
	}
}

func TestStdDescriptors(t *testing.T) {
	for _, kind := range reading {
		t.Run(kind.name, func(t *testing.T) {
			r, w := kind.open(t)
			runChild(t, "close", r, w)
		})
	}
}

// What is not open for reading cannot be read by reopening it.
func TestStdinOpenForWriting(t *testing.T) {
	_, w := blockingPipe(t)
	cmd, stderr := child(t, "copy", w, nil)
	if err := cmd.Run(); err == nil || !strings.Contains(stderr.String(), syscall.EBADF.Error()) {
		t.Errorf("reading from a pipe's other end: %v, %s", err, stderr)
	}
}

func TestStdinClosed(t *testing.T) {
	old := os.Stdin
	defer func() { os.Stdin = old }()
	r, _ := blockingPipe(t)
	r.Close()
	os.Stdin = r
	if f, err := ioctx.Stdin(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Stdin: %v, %v, want %v", f, err, os.ErrClosed)
	}
}
