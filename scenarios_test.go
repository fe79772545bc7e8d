package weir_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every scenario that a test cites is in docs/scenarios.md, and every scenario there has a test or is
// marked as open.
func TestScenarios(t *testing.T) {
	number := regexp.MustCompile(`\bS[0-9]{2}\b`)
	doc, err := os.ReadFile("docs/scenarios.md")
	if err != nil {
		t.Fatal(err)
	}
	open := make(map[string]bool) // what the page has
	for line := range strings.Lines(string(doc)) {
		if row, ok := strings.CutPrefix(line, "| S"); ok {
			open["S"+row[:2]] = strings.Contains(line, "*open*")
		}
	}
	cited := make(map[string]string) // with a file that cites it
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == "scenarios_test.go" {
			return err
		}
		if !strings.HasSuffix(path, "_test.go") && filepath.Dir(path) != filepath.Join("pipeline", "pipetest") {
			return nil
		}
		b, err := os.ReadFile(path)
		for _, s := range number.FindAllString(string(b), -1) {
			cited[s] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for s, path := range cited {
		if isOpen, known := open[s]; !known {
			t.Errorf("%s cites %s, which docs/scenarios.md does not have", path, s)
		} else if isOpen {
			t.Errorf("%s cites %s, which docs/scenarios.md calls open", path, s)
		}
	}
	for s, isOpen := range open {
		if cited[s] == "" && !isOpen {
			t.Errorf("no test cites %s, which docs/scenarios.md does not call open", s)
		}
	}
	if len(open) < 60 {
		t.Errorf("docs/scenarios.md has %d scenarios", len(open))
	}
}
