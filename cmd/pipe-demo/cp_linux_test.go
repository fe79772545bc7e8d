package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirflow/weir/internal/testenv"
)

// What is there under the destination's name is asked once by the command, and once by the sink in the directory that it
// has opened.
func TestCopyLooksAtItsDestinationTwice(t *testing.T) {
	strace := testenv.Program(t, "strace", "strace")
	for _, old := range []bool{false, true} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "from"), make([]byte, 100_000), 0o666); err != nil {
			t.Fatal(err)
		}
		if old {
			if err := os.WriteFile(filepath.Join(dir, "destination"), nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(strace, "-f", "-qq", "-e", "trace=file", "-o", filepath.Join(dir, "trace"), "pipe-demo", "cp", "-q", "-f", "from", "destination")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			testenv.NotRun(t, "strace does not work here: %v, %s", err, out)
		}
		b, err := os.ReadFile(filepath.Join(dir, "trace"))
		if err != nil {
			t.Fatal(err)
		}
		var looks, renames int
		for line := range strings.Lines(string(b)) {
			switch {
			case !strings.Contains(line, `"destination"`) || strings.Contains(line, "execve"):
			case strings.Contains(line, "rename"):
				renames++
			default:
				looks++
			}
		}
		if looks > 2 || renames != 1 {
			t.Errorf("old=%t: %d looks at the destination, want 2; %d renames\n%s", old, looks, renames, b)
		}
	}
}
