package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirflow/weir/flow/std"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte("a fox, a dog\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(in, "!", "mask", "byte=o", "!", "gzip", "!", "gunzip", "!", out); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(out); err != nil || string(b) != "a f*x, a d*g\n" {
		t.Errorf("%q, %v", b, err)
	}
	if err := run(in, "!", "msk", "byte=o", "!", out); err == nil || !strings.Contains(err.Error(), `unknown stage "msk"`) {
		t.Error(err)
	}
}

// The stage is right however its input is cut, and refuses what it could not be right for.
func TestMask(t *testing.T) {
	pipetest.NoLeaks(t)
	reg := std.Registry()
	if err := reg.Add(&mask); err != nil {
		t.Fatal(err)
	}
	stage, err := reg.Stage("mask byte=o")
	if err != nil {
		t.Fatal(err)
	}
	pipetest.TestStage(t, func() pipeline.Stage { return stage }, pipetest.Case{In: []byte("a fox, a dog"), Out: []byte("a f*x, a d*g")})
	for _, word := range []string{"byte=ox", "byte=ö", "byte="} {
		if _, err := reg.Stage("mask " + word); err == nil {
			t.Errorf("mask %s was accepted", word)
		}
	}
}

// The program needs nothing that only packages of this module may import.
func TestOutsideTheModule(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a module")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copyFile := func(from, to string, change func(string) string) {
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), []byte(change(string(b))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	same := func(s string) string { return s }
	copyFile("main.go", "main.go", same)
	copyFile(filepath.Join(root, "go.sum"), "go.sum", same)
	copyFile(filepath.Join(root, "go.mod"), "go.mod", func(s string) string {
		return strings.Replace(s, "module github.com/weirflow/weir", "module example.com/outside", 1) +
			"\nrequire github.com/weirflow/weir v0.0.0\n\nreplace github.com/weirflow/weir => " + root + "\n"
	})
	if err := os.WriteFile(filepath.Join(dir, "in"), []byte("hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "run", ".", "in", "!", "mask", "byte=l", "!", "tee", "[", "sha256", "!", "sums", "]", "!", "out")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off")
	explained, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, explained)
	}
	for _, want := range []string{"replaces a byte by a star", "in → mask → tee"} {
		if !bytes.Contains(explained, []byte(want)) {
			t.Errorf("no %q in\n%s", want, explained)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "out")); err != nil || string(b) != "he**o\n" {
		t.Errorf("%q, %v", b, err)
	}
}
