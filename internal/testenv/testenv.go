// Package testenv says what becomes of a test that cannot run, or should not run now. It is for tests
// only.
package testenv

import (
	"os"
	"os/exec"
	"testing"
)

// Program returns the path of a program that the test needs. Where it is missing, the test is not run:
// see [NotRun]. debian names the package that has it.
func Program(t testing.TB, name, debian string) (path string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		NotRun(t, "%s is missing; on Debian: apt-get install %s", name, debian)
	}
	return path
}

// NotRun skips the test because something that can be installed is missing. In continuous integration,
// where the environment variable CI is true, the test fails instead, unless -short asks for no more than
// can be had without installing anything.
func NotRun(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" && !testing.Short() {
		t.Fatalf("NOT RUN: "+format, args...)
	}
	t.Skipf("NOT RUN: "+format, args...)
}

// Long skips a test that takes seconds when -short is given.
func Long(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("NOT RUN: it takes long, and -short is given")
	}
}
