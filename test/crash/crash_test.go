//go:build unix

// Package crash_test kills pipe-demo with SIGKILL, at random moments and often. After each kill the destination must be the
// old file or the new one, whole, and the next run must succeed and leave nothing but its output.
//
//	go test ./test/crash                                      a few kills
//	go test -v -count=1 -timeout=1h ./test/crash -crash.kills=500
//
// It cannot tell what a loss of power does: the kernel outlives the process, and with it everything that was written.
package crash_test

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/weirflow/weir/test/internal/command"
)

var (
	kills = flag.Int("crash.kills", 3, "kills in each scenario")
	seed  = flag.Uint64("crash.seed", 0, "of everything random; 0: a new one")
)

func TestMain(m *testing.M) {
	if how := os.Getenv(standInVariable); how != "" {
		os.Exit(standIn(how))
	}
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	os.Exit(command.Main(m))
}

// The scenarios run in a directory that has the sources in new/ and the outputs in out/. A limited rate leaves time to be killed
// in the middle: without, a file is written in a tenth of what its sync then takes.
var scenarios = []scenario{
	{
		name:  "cp",
		args:  "cp -f new/file out/file",
		files: []file{{"file", 5 << 20, 16 << 20}},
	},
	{
		name:  "cp --fsync=none --verify",
		args:  "cp -f --fsync=none --verify new/file out/file",
		files: []file{{"file", 9 << 20, 8 << 20}},
	},
	{
		name:  "run gzip",
		args:  "run -f new/file ! gzip ! out/file",
		files: []file{{"file", 3 << 20, 4 << 20}},
		same:  unpacks,
	},
	{
		name:  "cp --resume",
		args:  "cp -f --resume --limit-rate 100M new/file out/file",
		files: []file{{"file", 5 << 20, 8 << 20}},
		parts: true,
	},
	{
		name:    "cp --resume of a source that changes",
		args:    "cp -f --resume --limit-rate 100M new/file out/file",
		files:   []file{{"file", 5 << 20, 8 << 20}},
		parts:   true,
		changes: true,
	},
	{
		name:  "cp -r",
		args:  "cp -r -f new/tree out",
		files: tree(),
	},
	{
		name:  "cp -r --fsync=none",
		args:  "cp -r -f --fsync=none new/tree out",
		files: tree(),
	},
}

// tree has 60 files in four directories, some of which are not there before.
func tree() []file {
	var files []file
	for i := range 60 {
		f := file{fmt.Sprintf("tree/%d/%d", i%4, i), 100 * i, 1000 * i}
		if i%5 == 0 {
			f.old = none
		}
		if i%10 == 1 {
			f.new = 1 << 20
		}
		files = append(files, f)
	}
	return files
}

func unpacks(got, want []byte) bool {
	z, err := gzip.NewReader(bytes.NewReader(got))
	if err != nil {
		return false
	}
	all, err := io.ReadAll(z)
	return err == nil && bytes.Equal(all, want)
}

func TestKill(t *testing.T) {
	pipeDemo := command.Build(t)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			c := newCampaign(t, s, func(args ...string) *exec.Cmd { return exec.Command(pipeDemo, args...) })
			c.kill(t, *kills)
			t.Logf("seed %d: %v", *seed, &c.tally)
			for i, p := range c.problems {
				if i == 10 {
					t.Errorf("… and %d more", len(c.problems)-i)
					break
				}
				t.Errorf("seed %d: %s", *seed, p)
			}
		})
	}
}

// The campaign finds what it is there to find, and nothing else.
func TestKillShowsWhatIsWrong(t *testing.T) {
	for _, test := range []struct{ how, want string }{
		{"does it well", ""},
		{"writes in place", "killed: out/file is neither the old file nor the new one"},
		{"publishes too early", "killed: out/file is neither the old file nor the new one"},
		{"removes the old file", "killed: out/file is lost"},
		{"scatters", "killed: out/temporary has no business there"},
		{"leaves its debris", " is left"},
		{"fails after a kill", "the next run: exit status 1"},
		{"resumes another's bytes", "the next run: out/file is not what it should be"},
	} {
		t.Run(test.how, func(t *testing.T) {
			s := scenario{
				args:    "cp new/file out/file",
				files:   []file{{"file", 200 << 10, 300 << 10}},
				parts:   true,
				changes: true,
			}
			c := newCampaign(t, s, func(args ...string) *exec.Cmd {
				cmd := exec.Command(os.Args[0], args...)
				// The race detector would have every process wait for a second before it exits.
				cmd.Env = append(os.Environ(), standInVariable+"="+test.how, "GORACE=atexit_sleep_ms=0")
				return cmd
			})
			if test.want == "" {
				c.kill(t, 5)
				if len(c.problems) > 0 {
					t.Errorf("seed %d: %q", *seed, c.problems)
				}
				return
			}
			found := func(problem string) bool { return strings.Contains(problem, test.want) }
			for n := 1; n <= 100; n++ {
				if c.kill(t, n); slices.ContainsFunc(c.problems, found) {
					return
				}
			}
			t.Errorf("seed %d: %v; want a problem with %q among %q", *seed, &c.tally, test.want, c.problems)
		})
	}
}
