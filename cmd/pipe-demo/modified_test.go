//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weirflow/weir/cmd/pipe-demo/internal/cli"
)

// appendTo makes a file longer, as the writer of a log does.
func appendTo(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("more\n")
	return errors.Join(err, f.Close())
}

// overwrite changes the last bytes of a file, and nothing of what the file says about its size and time.
func overwrite(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte("other"), info.Size()-5)
	return errors.Join(err, f.Close(), os.Chtimes(name, info.ModTime(), info.ModTime()))
}

// A source that changes while it is read is exit 6, and nothing appears; unless it was allowed. What then goes to standard output is as
// long as the source was.
func TestSourceChanges(t *testing.T) {
	const size = 8 << 20
	for said, change := range map[string]func(string) error{"changed while": overwrite, "grew from 8388608 to 8388613 bytes": appendTo} {
		for _, words := range []string{
			"run in ! tee [ - ] ! out",
			"run --limit-rate 1G in ! tee [ - ] ! out",
			"run - ! tee [ - ] ! out",
			"cp in -",
			"cp - -",
		} {
			for _, allowed := range []bool{false, true} {
				t.Run(words+", which "+said, func(t *testing.T) {
					dir := t.TempDir()
					in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
					write(t, in, letters(size))
					args := strings.Fields(words)
					if allowed {
						args = slices.Insert(args, 1, "--no-check-source")
					}
					f, err := os.Open(in)
					if err != nil {
						t.Fatal(err)
					}
					defer f.Close()
					var stderr bytes.Buffer
					cmd := exec.Command("pipe-demo", args...)
					cmd.Dir, cmd.Stdin, cmd.Stderr = dir, f, &stderr
					r, err := cmd.StdoutPipe()
					if err != nil {
						t.Fatal(err)
					}
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					defer cmd.Process.Kill()
					if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
						t.Error(err)
					}
					if err := change(in); err != nil {
						t.Error(err)
					}
					if n, err := io.Copy(io.Discard, r); allowed && n != size-1000 || n > size-1000 || err != nil {
						t.Errorf("%d bytes came, %v; want %d", 1000+n, err, size)
					}
					cmd.Wait()
					code := cmd.ProcessState.ExitCode()
					info, err := os.Stat(out)
					switch {
					case allowed && (code != 0 || stderr.Len() > 0 || strings.HasSuffix(words, "out") && (err != nil || info.Size() != size)):
						t.Errorf("with --no-check-source: exit code %d, %s; out: %v", code, &stderr, err)
					case !allowed && (code != cli.ExitIntegrity || err == nil || !strings.Contains(stderr.String(), said)):
						t.Errorf("exit code %d, want 6, with %q; out: %v", code, &stderr, err)
					}
				})
			}
		}
	}
}

// An upload of a file that changes is not completed.
func TestSourceOfAnUploadChanges(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	write(t, in, letters(8<<20))
	whole := make(chan bool, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		io.ReadFull(r.Body, make([]byte, 1000))
		if err := overwrite(in); err != nil {
			t.Error(err)
		}
		_, err := io.Copy(io.Discard, r.Body)
		whole <- err == nil
	}))
	defer srv.Close()
	p := startProcess(t, dir, "put", "in", srv.URL+"/in")
	if got := p.wait(t); got != cli.ExitIntegrity {
		t.Errorf("exit code %d, want 6: %s", got, &p.stderr)
	}
	if <-whole {
		t.Error("the server has a whole upload")
	}
}
