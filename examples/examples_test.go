// Package examples_test runs the programs in the directories beside it.
package examples_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirflow/weir/internal/testenv"
)

// Every example is one file of 60 lines or less, not counting the comment "// Output:" at its end, which says
// what it prints. One without it has a test of its own.
func TestExamples(t *testing.T) {
	testenv.Long(t)
	testenv.WatchSources(t)
	files, err := filepath.Glob(filepath.Join("*", "main.go"))
	if err != nil || len(files) < 6 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Dir(file), func(t *testing.T) {
			t.Parallel()
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			code, output, ok := strings.Cut(string(source), "\n// Output:\n")
			if n := strings.Count(code, "\n"); n > 60 {
				t.Errorf("%s has %d lines, want 60 at most", file, n)
			}
			if !ok {
				if tests, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*_test.go")); len(tests) == 0 {
					t.Fatalf("%s does not say what it prints: // Output:", file)
				}
				return
			}
			var want strings.Builder
			for line := range strings.Lines(output) {
				want.WriteString(strings.TrimPrefix(strings.TrimPrefix(line, "//"), " "))
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "go", "run", "./"+filepath.Dir(file))
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, &stderr)
			}
			if diff := cmp.Diff(want.String(), string(out)); diff != "" {
				t.Errorf("(-want +got)\n%s\n%s", diff, &stderr)
			}
		})
	}
}
