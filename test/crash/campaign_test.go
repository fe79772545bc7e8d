//go:build unix

package crash_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A scenario is a run that replaces files.
type scenario struct {
	name  string
	args  string // of pipe-demo
	files []file

	same    func(got, src []byte) bool // whether an output is what the run makes of its source; nil: the same bytes
	parts   bool                       // a killed run may leave .NAME.part and .NAME.part.id
	changes bool                       // the sources change between some runs
}

// A file has a name, and sizes of what is in out/ before the run and of its source in new/.
type file struct {
	name     string
	old, new int
}

// none is the size of a file that is not there.
const none = -1

// A campaign is a scenario under way.
type campaign struct {
	scenario
	command func(args ...string) *exec.Cmd
	root    string
	rng     *rand.Rand
	bytes   *rand.ChaCha8

	old     map[string][]byte
	sources map[string][][]byte // the last one is the present one
	whole   time.Duration       // what the last undisturbed run took

	tally    tally
	problems []string
}

// tally tells what the kills have hit. Which it was shows in what the run has left.
type tally struct {
	before    int // nothing was written
	middle    int
	written   int // all bytes were there, but not yet in place
	published int
	again     int // it was not the first run, so that nobody can tell
	late      int // the run had ended by itself; not among the kills
}

func (n *tally) kills() int { return n.before + n.middle + n.written + n.published + n.again }

func (n *tally) String() string {
	return fmt.Sprintf("%d kills: %d before the first byte, %d in the middle, %d with all bytes written but not in place, "+
		"%d after publishing, %d in a run after another; %d came too late",
		n.kills(), n.before, n.middle, n.written, n.published, n.again, n.late)
}

func newCampaign(t *testing.T, s scenario, command func(args ...string) *exec.Cmd) *campaign {
	c := &campaign{
		scenario: s,
		command:  command,
		root:     t.TempDir(),
		rng:      rand.New(rand.NewPCG(*seed, 0)),
		bytes:    rand.NewChaCha8([32]byte{}),
		old:      make(map[string][]byte),
		sources:  make(map[string][][]byte),
	}
	if c.same == nil {
		c.same = bytes.Equal
	}
	for _, f := range s.files {
		if f.old != none {
			c.old[f.name] = c.random(f.old)
		}
	}
	c.renew(t)
	return c
}

func (c *campaign) random(n int) []byte {
	b := make([]byte, n)
	c.bytes.Read(b)
	return b
}

// renew writes sources with new bytes.
func (c *campaign) renew(t *testing.T) {
	for _, f := range c.files {
		b := c.random(f.new)
		c.sources[f.name] = append(c.sources[f.name], b)
		write(t, filepath.Join(c.root, "new", f.name), b)
	}
}

// reset makes out/ what it was before the first run.
func (c *campaign) reset(t *testing.T) {
	out := filepath.Join(c.root, "out")
	if err := errors.Join(os.RemoveAll(out), os.Mkdir(out, 0o755)); err != nil {
		t.Fatal(err)
	}
	for name, b := range c.old {
		write(t, filepath.Join(out, name), b)
	}
	for name, s := range c.sources {
		c.sources[name] = s[len(s)-1:]
	}
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, b, 0o644)); err != nil {
		t.Fatal(err)
	}
}

// kill kills runs until n have been hit. Each round has an undisturbed run, to know how long one takes just now, some that are
// killed, and one that must put everything in order.
func (c *campaign) kill(t *testing.T, n int) {
	for c.tally.kills() < n {
		if c.tally.late > 100+10*n {
			t.Fatalf("runs end before they are killed: %v", &c.tally)
		}
		c.reset(t)
		start := time.Now()
		c.finish("an undisturbed run")
		c.whole = time.Since(start)
		if c.tally.kills() == 0 && len(c.problems) > 0 {
			return // it does not even work
		}
		c.reset(t)
		for i := range min(1+c.rng.IntN(3), n-c.tally.kills()) {
			if c.changes && c.rng.IntN(2) == 0 {
				c.renew(t)
			}
			if !c.hit() {
				c.tally.late++
				continue
			}
			c.look(i == 0)
		}
		if c.changes && c.rng.IntN(2) == 0 {
			c.renew(t)
		}
		c.finish("the next run")
	}
}

// start starts the command.
func (c *campaign) start() (*exec.Cmd, *bytes.Buffer) {
	cmd := c.command(strings.Fields(c.args)...)
	said := new(bytes.Buffer)
	cmd.Dir, cmd.Stderr = c.root, said
	if err := cmd.Start(); err != nil {
		panic(err) // it is there: it was built a moment ago
	}
	return cmd, said
}

// hit starts the command, kills it and reports whether it was still running. Half of the kills come at any time of the run; the
// other half near its end, where the file is synced and takes its place.
func (c *campaign) hit() bool {
	at := 1.05 * c.rng.Float64()
	if c.rng.IntN(2) == 0 {
		at = 0.75 + 0.35*c.rng.Float64()
	}
	cmd, said := c.start()
	gun := time.AfterFunc(time.Duration(at*float64(c.whole)), func() { cmd.Process.Kill() })
	defer gun.Stop()
	cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return true
	}
	if !cmd.ProcessState.Success() {
		c.problem("a run before its kill: %v: %s", cmd.ProcessState, said)
	}
	return false
}

// finish runs the command to its end. Afterwards there must be its outputs, and nothing else.
func (c *campaign) finish(which string) {
	cmd, said := c.start()
	hung := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer hung.Stop()
	if err := cmd.Wait(); err != nil {
		c.problem("%s: %v: %s", which, err, said)
		return
	}
	found := c.found()
	for _, f := range c.files {
		b, ok := found[f.name]
		delete(found, f.name)
		switch s := c.sources[f.name]; {
		case !ok:
			c.problem("%s: out/%s is not there", which, f.name)
		case !c.same(b, s[len(s)-1]):
			c.problem("%s: out/%s is not what it should be", which, f.name)
		}
	}
	for name := range found {
		c.problem("%s: out/%s is left", which, name)
	}
}

// look sees what a killed run has left, and counts the kill. first: it was the first run since the reset.
func (c *campaign) look(first bool) {
	found := c.found()
	var published, begun, written int
	for _, f := range c.files {
		b, ok := found[f.name]
		delete(found, f.name)
		old, was := c.old[f.name]
		switch {
		case !ok && was:
			c.problem("killed: out/%s is lost", f.name)
		case ok && c.isNew(f.name, b):
			published++
		case ok && !(was && bytes.Equal(b, old)):
			c.problem("killed: out/%s is neither the old file nor the new one, but has %d bytes", f.name, len(b))
		}
	}
	for name, b := range found {
		switch of, ok := c.temporaryOf(name); {
		case !ok:
			c.problem("killed: out/%s has no business there", name)
		case strings.HasSuffix(name, ".id"), strings.Contains(name, ".id.weir-"): // tells whose bytes they are
		case c.isNew(of, b):
			written++
		case bytes.Count(b, []byte{0}) < len(b): // more than preallocated
			begun++
		}
	}
	switch {
	case !first:
		c.tally.again++
	case published == len(c.files):
		c.tally.published++
	case written == len(c.files):
		c.tally.written++
	case published+written+begun > 0:
		c.tally.middle++
	default:
		c.tally.before++
	}
}

// isNew reports whether b is what a run makes of name's source, or of what that has been since the reset.
func (c *campaign) isNew(name string, b []byte) bool {
	for _, s := range c.sources[name] {
		if c.same(b, s) {
			return true
		}
	}
	return false
}

// temporaryOf returns which output the temporary file called name is to become.
func (c *campaign) temporaryOf(name string) (output string, ok bool) {
	dir, base := filepath.Split(name)
	base, hidden := strings.CutPrefix(base, ".")
	if i := strings.LastIndex(base, ".weir-"); i >= 0 && strings.Trim(base[i+len(".weir-"):], "0123456789") == "" {
		base = base[:i]
		if of, ok := strings.CutSuffix(base, ".part.id"); ok && c.parts { // the record is replaced, too
			base = strings.TrimPrefix(of, ".")
		}
	} else if part, ok := strings.CutSuffix(strings.TrimSuffix(base, ".id"), ".part"); ok && c.parts {
		base = part
	} else {
		return "", false
	}
	_, known := c.sources[dir+base]
	return dir + base, known && hidden
}

// found reads all files of out/.
func (c *campaign) found() map[string][]byte {
	files := make(map[string][]byte)
	out := os.DirFS(filepath.Join(c.root, "out"))
	err := fs.WalkDir(out, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[name], err = fs.ReadFile(out, name)
		}
		return err
	})
	if err != nil {
		c.problem("out: %v", err)
	}
	return files
}

func (c *campaign) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}
