package main

import (
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/weirflow/weir/internal/text"
)

// childEnv is added to the environment of every command that a test starts: poison mode, and no second of sleep at the
// end of each process when the race detector watches.
var childEnv = map[string]string{"WEIR_POISON": "1", "GORACE": "atexit_sleep_ms=0"}

func TestMain(m *testing.M) {
	for name, value := range childEnv {
		os.Setenv(name, value)
	}
	// Most tests wait: for retries, for a limited rate, for a process.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	// Where the tests run under nohup the command would inherit that, and rightly ignore SIGHUP. A signal that is caught here is
	// at its default in a child.
	if name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"); name != "pipe-demo" {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	testscript.Main(m, map[string]func(){"pipe-demo": main})
}

// Each script holds one promise of the command. They have these commands of their own:
//
//	code N PROGRAM ARG...   runs a program that must end with exit code N
//	fill FILE SIZE          makes a file of random letters in lines: it shrinks under gzip, and every run makes the same
//	debris DIR              fails when a temporary file is left in the directory
//	lines FILE N            fails unless the file has N lines
//	atmost FILE N           fails if the file has more than N lines
//	server [<FILE] ARG...   starts pipe-demo serve; $URL is where it is, and serve.log its log
//	receiver ARG...         starts pipe-demo receive in the same way
//	endserver               ends it, which must be exit 0
//	ended N                 waits for it to end of itself, with exit code N
//	faulty                  starts a faultyServer; $FAULTY is where it is
//	certificate CERT KEY    makes a certificate for 127.0.0.1
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			for name, value := range childEnv {
				env.Setenv(name, value)
			}
			env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, ".cache"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"code": cmdCode, "fill": cmdFill, "debris": cmdDebris, "lines": cmdLines, "atmost": cmdAtMost,
			"server": cmdServer, "receiver": cmdReceiver, "endserver": cmdEndServer, "ended": cmdEnded, "faulty": cmdFaulty, "certificate": cmdCertificate,
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "c": // built with C: see the package cli
				return hasC(), nil
			}
			return false, errors.New("unknown condition " + cond)
		},
		RequireExplicitExec: true,
	})
}

// hasC reports whether the command was built with C.
func hasC() bool {
	about, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(about.Settings, debug.BuildSetting{Key: "CGO_ENABLED", Value: "1"})
}

func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func cmdFill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fill FILE SIZE")
	}
	n, err := text.ParseSize(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), letters(int(n)), 0o644))
}

// letters are n bytes of text that is the same for every run.
func letters(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		if b[i] = "abcdefghijklmnop"[r.IntN(16)]; i%64 == 63 {
			b[i] = '\n'
		}
	}
	return b
}

func cmdDebris(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: debris DIR")
	}
	if left := debris(ts.MkAbs(args[0])); len(left) > 0 {
		ts.Fatalf("left behind: %s", strings.Join(left, ", "))
	}
}

// debris are the temporary files below a directory.
func debris(dir string) []string {
	var left []string
	filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error {
		if strings.Contains(filepath.Base(path), ".weir-") {
			left = append(left, path)
		}
		return nil
	})
	return left
}

func cmdLines(ts *testscript.TestScript, neg bool, args []string) {
	if got, want := countLines(ts, neg, args); got != want {
		ts.Fatalf("%s has %d lines, want %d", args[0], got, want)
	}
}

func cmdAtMost(ts *testscript.TestScript, neg bool, args []string) {
	if got, want := countLines(ts, neg, args); got > want {
		ts.Fatalf("%s has %d lines, want at most %d", args[0], got, want)
	}
}

func countLines(ts *testscript.TestScript, neg bool, args []string) (got, want int) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: FILE N")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	return strings.Count(ts.ReadFile(args[0]), "\n"), want
}
