package httpflow_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weirflow/weir/httpflow"
)

// A limit on the size of files is as good as a full disk, and needs no disk of its own.
// The limit is for a process of its own, because go test writes files, too.
func TestReceiverFullDisk(t *testing.T) {
	if os.Getenv("WEIR_TEST_LIMITED") == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReceiverFullDisk$", "-test.count=1")
		cmd.Env = append(os.Environ(), "WEIR_TEST_LIMITED=yes")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	each(t, func(t *testing.T, protocol string) {
		dir := t.TempDir()
		write(t, dir, "a", []byte("old"))
		seen := make(outcomes, 1)
		url, client := serve(t, protocol, httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{OnRequest: seen.on}))
		at := begin(t, client, url+"b", "Upload-Length", "1000000")
		seen.next(t)
		wantStatus(t, patch(t, client, at, 0, random(50_000)), 204)
		seen.next(t)
		before := files(t, dir)

		signal.Ignore(unix.SIGXFSZ)
		defer signal.Reset(unix.SIGXFSZ)
		var old unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
			t.Fatal(err)
		}
		limit := old
		limit.Cur = 100_000
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
				t.Error(err)
			}
		}()
		for _, body := range []io.Reader{bytes.NewReader(random(900_000)), io.MultiReader(bytes.NewReader(random(200_000)))} {
			res := do(t, client, "PUT", url+"a", body)
			wantStatus(t, res, 507)
			if o := seen.next(t); !errors.Is(o.Err, unix.EFBIG) || o.ClientGone {
				t.Errorf("outcome %+v", o)
			}
		}
		wantStatus(t, patch(t, client, at, 50_000, random(100_000)), 507)
		seen.next(t)
		wantFiles(t, dir, before)
	})
}

func TestPutOntoSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	url, client := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{}))
	wantStatus(t, do(t, client, "PUT", url+"fifo", strings.NewReader("x")), 409)
	wantStatus(t, do(t, client, "HEAD", url+"fifo", nil), 404)
	if os.Geteuid() == 0 {
		return // root may do everything
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, do(t, client, "PUT", url+"a", strings.NewReader("x")), 403)
}

// What cannot be replaced is refused before anything of it is received.
func TestReceiverMountPoint(t *testing.T) {
	dir := t.TempDir()
	below, mounted := filepath.Join(t.TempDir(), "below"), filepath.Join(dir, "mounted")
	write(t, filepath.Dir(below), "below", []byte("old"))
	write(t, dir, "mounted", nil)
	if err := unix.Mount(below, mounted, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("nothing can be mounted here: %v", err)
	}
	defer unix.Unmount(mounted, 0) //nolint:errcheck // a directory that stays shows it
	url, client := serve(t, "h1", httpflow.Receiver(openRoot(t, dir), httpflow.ReceiverOptions{}))
	before := files(t, dir)
	wantStatus(t, do(t, client, "PUT", url+"mounted", strings.NewReader("new")), 403)
	wantStatus(t, tusRequest(t, client, "POST", url+"mounted", nil, "Upload-Length", "3"), 403)
	wantFiles(t, dir, before)
}
