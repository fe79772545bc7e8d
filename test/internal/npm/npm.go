// Package npm installs packages for the tests below test/, outside of the work tree.
package npm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/weirflow/weir/internal/testenv"
)

// manifest are the files that say what to install.
var manifest = []string{"package.json", "package-lock.json", ".npmrc"}

// Install returns a directory in the user's cache with the packages of package-lock.json in the current
// directory, and with the scripts, which are files of the current directory too. Its name depends on the
// content of all of these, so that it is installed once; tests that run at the same time do not disturb
// each other. It needs Node.js and npm.
func Install(t testing.TB, scripts ...string) (dir string) {
	t.Helper()
	testenv.Program(t, "node", "nodejs")
	program := testenv.Program(t, "npm", "npm")
	cache, err := os.UserCacheDir()
	if err != nil {
		testenv.NotRun(t, "no cache directory: %v", err)
	}
	files, hash := make(map[string][]byte), sha256.New()
	for _, name := range append(scripts, manifest...) {
		b, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) && name == ".npmrc" {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		files[name] = b
		fmt.Fprintf(hash, "%s %d\n%s", name, len(b), b)
	}
	cache = filepath.Join(cache, "weir", "npm")
	dir = filepath.Join(cache, fmt.Sprintf("%x", hash.Sum(nil)[:16]))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}

	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	unfinished, err := os.MkdirTemp(cache, "unfinished-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(unfinished)
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(unfinished, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = unfinished
	cmd.WaitDelay = 10 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		testenv.NotRun(t, "npm ci: %v (%v)\n%s", err, ctx.Err(), out)
	}
	if err := os.Rename(unfinished, dir); err != nil {
		if _, there := os.Stat(dir); there != nil { // no other process was faster
			t.Fatal(err)
		}
	}
	return dir
}
