//go:build unix

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A download whose directory is replaced before the server has answered does not appear in the other directory.
func TestGetIntoADirectoryThatMoves(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"moved", "replaced", "removed"} {
		dir := t.TempDir()
		at := filepath.Join(dir, "at")
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			replaceDirectory(t, at, what)
			http.ServeContent(w, r, "", time.Unix(1e9, 0), strings.NewReader("new"))
		}))
		defer server.Close()
		if err := os.Mkdir(at, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("pipe-demo", "get", server.URL+"/out", "at")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "the directory at was moved or replaced during the run") {
			t.Errorf("%s: %v: %s", what, err, out)
		}
		wantEmpty(t, dir)
	}
}

// replaceDirectory moves a directory, and may put another in its place.
func replaceDirectory(t *testing.T, at, what string) {
	t.Helper()
	if what == "removed" {
		if err := os.RemoveAll(at); err != nil {
			t.Error(err)
		}
		return
	}
	if err := os.Rename(at, at+" moved"); err != nil {
		t.Error(err)
	}
	if what == "replaced" {
		if err := os.Mkdir(at, 0o755); err != nil {
			t.Error(err)
		}
	}
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s: %q, %v; want %q", path, got, err, want)
	}
}

// wantEmpty fails if there is anything but directories in dir.
func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	for _, pattern := range []string{"*", "*/*", "*/.*"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, name := range found {
			if info, err := os.Stat(name); err != nil || !info.IsDir() {
				t.Errorf("left: %s", name)
			}
		}
	}
}

// Of several files, those that were begun go with the directory, and the others are not put into another one.
func TestCopySeveralIntoADirectoryThatMoves(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"moved", "replaced", "removed"} {
		dir := t.TempDir()
		at := filepath.Join(dir, "at")
		if err := os.Mkdir(at, 0o755); err != nil {
			t.Fatal(err)
		}
		slow := []string{"slow1", "slow2"} // both of the files that are copied at once with one processor
		for _, name := range slow {
			if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
				t.Skipf("no FIFOs here: %v", err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "last"), []byte("last"), 0o600); err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		cmd := exec.Command("pipe-demo", append(append([]string{"cp"}, slow...), "last", "at")...)
		cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), "GOMAXPROCS=1"), &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var writers []*os.File
		for _, name := range slow {
			f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0) // returns when it is read
			if err != nil {
				t.Fatal(err)
			}
			writers = append(writers, f)
			temporary := filepath.Join(at, "."+name+".weir-0")
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
				if _, err := os.Lstat(temporary); err == nil {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%s does not appear", temporary)
				}
			}
		}
		replaceDirectory(t, at, what)
		for _, f := range writers {
			if _, err := f.WriteString("slow"); err != nil {
				t.Error(err)
			}
			f.Close()
		}
		err := cmd.Wait()
		_, why, _ := strings.Cut(said.String(), "at/last: ")
		if err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.HasPrefix(why, "the directory at was moved or replaced during the run\n") && !strings.HasPrefix(why, "there is no directory at\n") {
			t.Errorf("%s: %v: %s", what, err, said.String())
		}
		if what == "removed" {
			continue
		}
		for _, name := range slow {
			wantFile(t, filepath.Join(at+" moved", name), "slow")
		}
		if found, _ := filepath.Glob(filepath.Join(dir, "at*", "*last*")); len(found) > 0 {
			t.Errorf("%s: %q", what, found)
		}
	}
}
