package testenv_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/weirflow/weir/internal/testenv"
)

// A program that is missing fails the test in continuous integration, and skips it elsewhere and with
// -short.
func TestMissingProgram(t *testing.T) {
	for _, test := range []struct {
		ci, short string
		want      string
	}{
		{"true", "false", "--- FAIL"},
		{"true", "true", "--- SKIP"},
		{"", "false", "--- SKIP"},
		{"false", "false", "--- SKIP"},
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.v", "-test.short="+test.short)
		cmd.Env = append(os.Environ(), "CI="+test.ci, "WEIR_TESTENV_CHILD=1")
		out, err := cmd.CombinedOutput()
		if !strings.Contains(string(out), test.want) || (err != nil) != (test.want == "--- FAIL") {
			t.Errorf("CI=%s -short=%s: %v: %s, want %s", test.ci, test.short, err, out, test.want)
		}
		if want := "NOT RUN: no-such-program is missing; on Debian: apt-get install nothing"; !strings.Contains(string(out), want) {
			t.Errorf("CI=%s -short=%s: %s, want %s in it", test.ci, test.short, out, want)
		}
		if short := test.short == "true"; strings.Contains(string(out), "long: ran") == short {
			t.Errorf("-short=%s: %s", test.short, out)
		}
	}
}

func TestChild(t *testing.T) {
	if os.Getenv("WEIR_TESTENV_CHILD") == "" {
		t.Skip("TestMissingProgram starts it")
	}
	t.Run("long", func(t *testing.T) {
		testenv.Long(t)
		fmt.Println("long: ran")
	})
	testenv.Program(t, "no-such-program", "nothing")
}

func TestProgram(t *testing.T) {
	if path := testenv.Program(t, "go", "golang"); path == "" {
		t.Error("go has no path")
	}
}
