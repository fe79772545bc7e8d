package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func writeFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// wantNoDebris fails if there is a name that begins with a dot.
func wantNoDebris(t *testing.T, dir string) {
	t.Helper()
	if found, _ := filepath.Glob(filepath.Join(dir, ".*")); len(found) > 0 {
		t.Errorf("left: %q", found)
	}
}

// Each command names a mount point before it does anything, with the way out, and goes it when asked to.
func TestMountPoint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.ServeContent(w, r, "", time.Unix(1e9, 0), strings.NewReader("new"))
	}))
	defer server.Close()
	writeFile(t, filepath.Join(dir, "new"), "new", 0o644)
	if err := os.Mkdir(filepath.Join(dir, "tree"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "tree", "mounted"), "new", 0o644)
	below, mounted := filepath.Join(dir, "below"), filepath.Join(dir, "mounted")
	writeFile(t, below, "old", 0o644)
	writeFile(t, mounted, "", 0o644)
	if err := unix.Mount(below, mounted, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("nothing can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(mounted, 0); err != nil {
			t.Error(err)
		}
	})
	for _, words := range []string{
		"cp -f new mounted", "cp -f --resume new mounted", "cp -rf tree/. .", "run -f new ! mounted", "run -f new ! tee [ mounted ] ! other", "get -f " + server.URL + "/new mounted",
		"explain -f new ! mounted", "cp -f --verify new mounted", "cp -fp new mounted", "cp --dry-run -f new mounted",
	} {
		args := strings.Fields(words)
		cmd := exec.Command("pipe-demo", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != 1 || !bytes.Contains(out, []byte("mounted: cannot be replaced: it is a mount point")) {
			t.Errorf("%s: %v: %s", words, err, out)
		}
		if args[0] != "cp" || args[1] != "-rf" { // which does not repeat a hint for each file
			if !bytes.Contains(out, []byte("--in-place writes over it")) || bytes.Contains(out, []byte("resume with")) {
				t.Errorf("%s: %s", words, out)
			}
		}
		wantFile(t, below, "old")
		wantNoDebris(t, dir)
		if args[0] == "explain" || args[1] == "--dry-run" || strings.Contains(words, "--resume") {
			continue
		}
		if args[0] == "get" && asked.Load() > 0 {
			t.Errorf("%s: %d requests", words, asked.Load())
		}
		cmd = exec.Command("pipe-demo", append([]string{args[0], "--in-place"}, args[1:]...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s, in place: %v: %s", words, err, out)
		}
		wantFile(t, below, "new")
		wantNoDebris(t, dir)
		writeFile(t, below, "old", 0o644)
	}
}

// A file that may be written to, in a directory where nothing may be made or replaced, is written over with -f.
func TestFileInAClosedDirectory(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "pipe-demo-closed-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	program, err := exec.LookPath("pipe-demo")
	if err != nil {
		t.Fatal(err)
	}
	// Not by this process: while it writes, it may start others, and a program that is open for writing cannot be run.
	if out, err := exec.Command("cp", program, filepath.Join(dir, "pipe-demo")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Chmod(filepath.Join(dir, "pipe-demo"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "new"), "new", 0o644)
	modes := map[string]os.FileMode{"closed": 0o555}
	nobody := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		modes["sticky"] = 0o777 | os.ModeSticky // to own the file would be to own the directory
		nobody.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Unix(1e9, 0), strings.NewReader("new"))
	}))
	defer server.Close()
	for name, mode := range modes {
		at := filepath.Join(dir, name)
		if err := os.Mkdir(at, 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(at, "f"), "old", 0o666)
		writeFile(t, filepath.Join(at, "unwritable"), "old", 0o444)
		if err := os.Chmod(at, mode); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(at, 0o755)
		run := func(words string) (string, int) {
			cmd := exec.Command(filepath.Join(dir, "pipe-demo"), strings.Fields(words)...)
			cmd.Dir, cmd.SysProcAttr = dir, nobody
			out, err := cmd.CombinedOutput()
			if cmd.ProcessState == nil {
				t.Fatal(err)
			}
			return string(out), cmd.ProcessState.ExitCode()
		}
		for _, words := range []string{
			"cp -f new DIR/f", "cp -f --resume new DIR/f", "cp -f --verify new DIR/f", "run -f new ! DIR/f", "get -f " + server.URL + "/f DIR/f", "cp -f --in-place new DIR/f",
		} {
			out, code := run(strings.ReplaceAll(words, "DIR", name))
			if code != 0 || !strings.Contains(words, "--in-place") && strings.Count(out, name+"/f: is written over, and a failure leaves a part: ") != 1 {
				t.Errorf("%s: %s: exit %d: %s", name, words, code, out)
			}
			wantFile(t, filepath.Join(at, "f"), "new")
			wantNoDebris(t, at)
			writeFile(t, filepath.Join(at, "f"), "old", 0o666)
		}
		if out, code := run("cp new " + name + "/f"); code != 4 {
			t.Errorf("without -f: exit %d: %s", code, out)
		}
		if out, code := run("cp -f new " + name + "/unwritable"); code != 1 || !strings.Contains(out, "not permitted") && !strings.Contains(out, "denied") {
			t.Errorf("a file that may not be written to: exit %d: %s", code, out)
		}
		wantFile(t, filepath.Join(at, "f"), "old")
		wantFile(t, filepath.Join(at, "unwritable"), "old")
	}
}

// What the kernel makes up is written in place without a question.
func TestPseudoFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "new"), "probe\n", 0o644)
	if err := os.Mkdir(filepath.Join(dir, "tree"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "tree", "comm"), "probe\n", 0o644)
	for _, words := range []string{
		"cp new /proc/self/comm", "cp -f new /proc/self/comm", "cp -n new /proc/self/comm", "cp -fp new /proc/self/comm", "cp --resume new /proc/self/comm",
		"cp -f --in-place new /proc/self/comm", "run new ! /proc/self/comm", "run -f new ! tee [ /proc/self/comm ] ! copy", "cp -r tree/. /proc/self",
	} {
		cmd := exec.Command("pipe-demo", strings.Fields(words)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("skipped")) {
			t.Errorf("%s: %v: %s", words, err, out)
		}
	}
}
