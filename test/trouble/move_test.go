//go:build unix

package trouble_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A directory that is renamed during the run takes the result with it, or the run fails and leaves nothing. Another directory that
// takes its place gets nothing.
func TestMovedDirectory(t *testing.T) {
	each(t, func(t *testing.T, s *stage, tr transfer, pipeDemo string, random *rand.Rand, moment time.Duration) {
		out, moved := filepath.Join(s.root, "out"), filepath.Join(s.root, "moved")
		another := random.IntN(2) == 0
		cmd, said := s.start(t, pipeDemo, strings.Fields(tr.args)...)
		time.Sleep(moment)
		if err := os.Rename(out, moved); err != nil {
			t.Fatal(err)
		}
		if another {
			if err := os.Mkdir(out, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		exit, err := wait(cmd)
		if exit != 0 && exit != 1 || err != nil {
			t.Errorf("moved after %v: exit %d, %v: %s", moment, exit, err, said)
		}
		if exit == 0 && strings.Contains(said.String(), "kept") {
			t.Errorf("moved after %v: exit 0, but it says: %s", moment, said)
		}
		fresh, err := readAll(out)
		if err != nil {
			t.Fatal(err)
		}
		// A run that opens the directory after it was replaced finds the new one.
		late := complete(fresh, s, tr)
		for name := range fresh {
			part := tr.parts && exit != 0 && (strings.HasSuffix(name, ".part") || strings.HasSuffix(name, ".part.id"))
			if !late && !part {
				t.Errorf("moved after %v: exit %d: out/%s is in the directory that has taken the place of the old one: %s", moment, exit, name, said)
			}
		}
		for _, p := range s.look("moved", tr, exit == 0 && !late) {
			t.Errorf("moved after %v: exit %d: %s: %s", moment, exit, p, said)
		}
	})
}

// complete reports whether the directory has all outputs, and nothing else.
func complete(found map[string][]byte, s *stage, tr transfer) bool {
	for name, from := range tr.from {
		if string(found[name]) != string(s.new[from]) {
			return false
		}
	}
	return len(found) == len(tr.from)
}
