//go:build unix

package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
)

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A source that shrinks while it is read is exit 6, and nothing appears.
func TestSourceShrinks(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	write(t, in, letters(4<<20))
	p := startProcess(t, dir, strings.Fields("cp --limit-rate 8M in -")...)
	if _, err := io.ReadFull(p.out, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(in, 100); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, p.out)
	if got := p.wait(t); got != cli.ExitIntegrity {
		t.Errorf("exit code %d, want 6", got)
	}
	if said := p.stderr.String(); !strings.Contains(said, "of 4194304 bytes") {
		t.Errorf("said %q", said)
	}
}

// A tree deeper than a path may be long is copied all the same.
func TestDeepTree(t *testing.T) {
	top := t.TempDir()
	const depth = 1200 // of names that together are longer than PATH_MAX
	root, err := os.OpenRoot(top)
	if err != nil {
		t.Fatal(err)
	}
	if err := root.Mkdir("src", 0o755); err != nil {
		t.Fatal(err)
	}
	at, err := root.OpenRoot("src")
	for range depth {
		if err == nil {
			err = at.Mkdir("deep", 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		next, nerr := at.OpenRoot("deep")
		at.Close()
		at, err = next, nerr
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := at.WriteFile("bottom", []byte("here"), 0o644); err != nil {
		t.Fatal(err)
	}
	at.Close()
	var stderr bytes.Buffer
	cmd := exec.Command("pipe-demo", "cp", "-rp", "--fsync=none", "src", "dst")
	cmd.Dir, cmd.Stderr = top, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %.300s", err, stderr.String())
	}
	at, err = root.OpenRoot("dst")
	for range depth {
		if err != nil {
			t.Fatal(err)
		}
		next, nerr := at.OpenRoot("deep")
		at.Close()
		at, err = next, nerr
	}
	if err != nil {
		t.Fatal(err)
	}
	if got, err := at.ReadFile("bottom"); string(got) != "here" {
		t.Errorf("at the bottom: %q, %v", got, err)
	}
	at.Close()
}

// A signal ends the copy of a tree: complete files stay, what was under way is undone, and the message says so. With
// --resume it is kept, and the message says how to resume.
func TestSignalInTree(t *testing.T) {
	t.Parallel()
	for sig, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		for _, resume := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v/resume=%v", sig, resume), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if err := os.Mkdir(filepath.Join(dir, "src"), 0o755); err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(dir, "src", "big"), letters(16<<20))
				if err := syscall.Mkfifo(filepath.Join(dir, "src", "fifo"), 0o644); err != nil {
					t.Fatal(err)
				}
				args := strings.Fields("cp -r --limit-rate 1M --fsync=none --json src dst")
				if resume {
					args = append(args[:2], append([]string{"--resume"}, args[2:]...)...)
				}
				p := &process{Cmd: exec.Command("pipe-demo", args...)}
				p.Dir = dir
				events, err := p.StderrPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := p.Start(); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { p.Process.Kill() })
				said := make([]byte, 0, 4096)
				for !bytes.Contains(said, []byte(`"event":"progress"`)) { // the big file is under way
					buf := make([]byte, 4096)
					n, err := events.Read(buf)
					said = append(said, buf[:n]...)
					if err != nil {
						t.Fatalf("%v: %s", err, said)
					}
				}
				p.Process.Signal(sig)
				rest, _ := io.ReadAll(events)
				if got := p.wait(t); got != code {
					t.Errorf("%v: exit code %d, want %d: %s", sig, got, code, rest)
				}
				left := strings.Join(files(t, filepath.Join(dir, "dst")), " ")
				want, hint := "", "no unfinished file is left"
				if resume {
					want, hint = ".big.part .big.part.id", "resume with: pipe-demo cp -n -r --resume --limit-rate 1M --fsync=none --json src/. dst"
				}
				if left != want || !bytes.Contains(rest, []byte(hint)) {
					t.Errorf("%v, resume %v: left %q, said %s", sig, resume, left, rest)
				}
			})
		}
	}
}

// A full disk, here a limit on the size of files, is reported with the name of the file; what was there stays, and nothing else.
func TestNoRoom(t *testing.T) {
	for name, args := range map[string]string{
		"cp": "cp -f in out", "cp -r": "cp -rf in out", "cp several": "cp -f in small .", "cp --verify": "cp -f --verify in out", "run": "run -f in ! out",
	} {
		dir := t.TempDir()
		if name == "cp several" {
			args = "cp -f src/out src/small ."
			if err := os.Mkdir(filepath.Join(dir, "src"), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "src", "out"), letters(1<<20))
			write(t, filepath.Join(dir, "src", "small"), letters(1000))
		}
		write(t, filepath.Join(dir, "in"), letters(1<<20))
		write(t, filepath.Join(dir, "out"), []byte("precious"))
		var stderr bytes.Buffer
		cmd := exec.Command("sh", "-c", "ulimit -f 500 && exec pipe-demo "+strings.ReplaceAll(args, "!", `'!'`))
		cmd.Dir, cmd.Stderr = dir, &stderr
		cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != cli.ExitFailed {
			t.Errorf("%s: exit code %d, want 1", name, got)
		}
		if said := stderr.String(); !strings.HasPrefix(said, "pipe-demo: out: write: file too large\n") {
			t.Errorf("%s: said %q", name, said)
		}
		if got, _ := os.ReadFile(filepath.Join(dir, "out")); string(got) != "precious" {
			t.Errorf("%s: the old file has %d bytes", name, len(got))
		}
		if left := debris(dir); len(left) > 0 {
			t.Errorf("%s: left %q", name, left)
		}
		if small, _ := os.ReadFile(filepath.Join(dir, "small")); name == "cp several" && len(small) != 1000 {
			t.Errorf("%s: the small file was not copied: %s", name, stderr.String())
		}
	}
}

// Many small files are all there, each with its content, however they are synced.
func TestManySmallFiles(t *testing.T) {
	dir := t.TempDir()
	sums := make(map[string][32]byte)
	for i := range 500 {
		sub := filepath.Join(dir, "src", fmt.Sprint(i%7))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		content := letters(i * 13)
		write(t, filepath.Join(sub, fmt.Sprint(i)), content)
		sums[filepath.Join(fmt.Sprint(i%7), fmt.Sprint(i))] = sha256.Sum256(content)
	}
	for _, fsync := range []string{"data", "none"} {
		cmd := exec.Command("pipe-demo", "cp", "-r", "--fsync="+fsync, "src", fsync)
		cmd.Dir = dir
		if said, err := cmd.CombinedOutput(); err != nil || len(said) > 0 {
			t.Fatalf("%s: %v: %s", fsync, err, said)
		}
		for name, want := range sums {
			got, err := os.ReadFile(filepath.Join(dir, fsync, name))
			if err != nil || sha256.Sum256(got) != want {
				t.Errorf("%s: %s: %d bytes, %v", fsync, name, len(got), err)
			}
		}
		if left := debris(dir); len(left) > 0 {
			t.Errorf("%s: left %q", fsync, left)
		}
	}
}

// A path that a user typed is what the system makes of it.
func TestCopyThroughALinkAndUp(t *testing.T) {
	for _, args := range [][]string{
		{"cp", "-f", "f", "link/.."},
		{"cp", "-f", "f", "g", "link/.."},
		{"cp", "-rf", "d/.", "link/.."},
		{"cp", "f", "link/../new"},
		{"cp", "--resume", "f", "link/../new"},
	} {
		dir := t.TempDir()
		for name, content := range map[string]string{"f": "f", "g": "g", "d/f": "f", "far/f": "old", "far/inner/x": "x"} {
			if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777), os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("far/inner", filepath.Join(dir, "link")); err != nil {
			t.Skip("NOT RUN: no symbolic links here: ", err)
		}
		cmd := exec.Command("pipe-demo", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%q: %v: %s", args, err, out)
		}
		at := filepath.Join(dir, "far", "f")
		if strings.HasSuffix(args[len(args)-1], "new") {
			at = filepath.Join(dir, "far", "new")
		}
		if b, err := os.ReadFile(at); string(b) != "f" {
			t.Errorf("%q: %q, %v", args, b, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
			t.Errorf("%q: ./new was made", args)
		}
	}
}
