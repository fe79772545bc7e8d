package ioctx_test

import (
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/internal/ioctx"
)

func nonblocking(t *testing.T, f *os.File) (set bool) {
	t.Helper()
	conn, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Control(func(fd uintptr) {
		flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
		if err != nil {
			t.Error(err)
		}
		set = flags&unix.O_NONBLOCK != 0
	}); err != nil {
		t.Fatal(err)
	}
	return set
}

// Pipes and terminals are reopened, sockets are not; the inherited description stays in blocking mode.
func TestReopened(t *testing.T) {
	in, out := os.Stdin, os.Stdout
	defer func() { os.Stdin, os.Stdout = in, out }()
	for _, kind := range reading {
		t.Run(kind.name, func(t *testing.T) {
			os.Stdin, os.Stdout = kind.open(t)
			if kind.name == "terminal" {
				os.Stdout = os.Stdin // its other end, /dev/ptmx, is not reopened: that would be another terminal
			}
			for _, std := range []struct {
				open func() (*os.File, error)
				old  *os.File
			}{{ioctx.Stdin, os.Stdin}, {ioctx.Stdout, os.Stdout}} {
				f, err := std.open()
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if got, want := nonblocking(t, f), kind.name != "socket"; got != want {
					t.Errorf("opened non-blocking: %v, want %v", got, want)
				}
				if nonblocking(t, std.old) {
					t.Error("the inherited description is non-blocking now")
				}
				a, err := f.Stat()
				if err != nil {
					t.Fatal(err)
				}
				if b, err := std.old.Stat(); err != nil || !os.SameFile(a, b) {
					t.Errorf("another file: %v", err)
				}
			}
		})
	}
}

func TestPseudoterminalMasterIsDuplicated(t *testing.T) {
	in := os.Stdin
	defer func() { os.Stdin = in }()
	master, terminal := pty(t)
	os.Stdin = master
	f, err := ioctx.Stdin()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	terminal.WriteString("x")
	if n, err := f.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("Read: %d, %v", n, err)
	}
}

// They never wait, and poll before each 64 KiB to /dev/null would be felt.
func TestMemoryDevicesAreLeftAlone(t *testing.T) {
	f, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, release1 := ioctx.Reader(t.Context(), f)
	w, release2 := ioctx.Writer(t.Context(), f)
	release1()
	release2()
	if r != io.Reader(f) || w != io.Writer(f) {
		t.Error("/dev/null was wrapped")
	}
}
