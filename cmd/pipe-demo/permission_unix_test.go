//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// "May not write" is said of a destination, and "may not read" of a source.
func TestPermissionHints(t *testing.T) {
	dir, err := os.MkdirTemp("", "weir-permission-") // that of t may be entered only by its owner
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := func(s string) string { return filepath.Join(dir, s) }
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(name("tree"), 0o755), os.WriteFile(name("tree/secret"), []byte("x"), 0), os.WriteFile(name("f"), []byte("x"), 0o644),
		os.Mkdir(name("readonly"), 0o555), os.Mkdir(name("closed"), 0), os.Mkdir(name("out"), 0o755), os.Chmod(name("out"), 0o777)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ args, hint string }{
		{"cp tree/secret out/a", "read"},
		{"cp -r tree out/b", "read"},
		{"run tree/secret ! gzip ! out/c", "read"},
		{"put tree/secret http://127.0.0.1:1/", "read"},
		{"cp -r closed out/d", "read"},
		{"cp f readonly/a", "write"},
		{"cp f closed/a", "write"},
		{"cp -r tree readonly/b", "write"},
		{"run f ! gzip ! readonly/c", "write"},
		{"run f ! tee [ out/e ] ! readonly/d", "write"},
	} {
		cmd := exec.Command("pipe-demo", strings.Fields(test.args)...)
		cmd.Dir = dir
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, err := cmd.CombinedOutput()
		if errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM) {
			t.Skipf("NOT RUN: another user cannot run the test's binary: %v", err)
		}
		if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "may not "+test.hint) || strings.Count(string(out), "may not ") != strings.Count(string(out), "may not "+test.hint)+strings.Count(string(out), "may not enter") {
			t.Errorf("%s: exit code %d, said\n%s", test.args, cmd.ProcessState.ExitCode(), out)
		}
	}
}
