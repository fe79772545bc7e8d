package pipetest_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
)

// S24
func TestCollectorKeepsRunsApart(t *testing.T) {
	var c pipetest.Collector
	if data, ok := c.Published(); ok || data != nil || c.Outcomes() != nil {
		t.Errorf("zero Collector: published %q, %v; outcomes: %v", data, ok, c.Outcomes())
	}
	flow := pipetest.Source([]byte("weir"), 1, 1, 4).To(c.Sink())
	if _, err := flow.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	errBad := errors.New("bad")
	failing := pipeline.NewSource("failing", func(context.Context, *pipeline.Outlet) error { return errBad })
	if _, err := failing.To(c.Sink()).Run(t.Context()); !errors.Is(err, errBad) {
		t.Fatal(err)
	}
	if data, ok := c.Published(); !ok || string(data) != "weir" {
		t.Errorf("published %q, %v", data, ok)
	}
	outcomes := c.Outcomes()
	if len(outcomes) != 2 || !errors.Is(outcomes[1].Failed, errBad) || outcomes[0].Chunks != 2 || !outcomes[0].EOF || outcomes[1].EOF || outcomes[1].Published {
		t.Errorf("outcomes: %+v", outcomes)
	}
}

func TestApply(t *testing.T) {
	upper := each(func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error {
		c = c.Mutable()
		copy(c.Bytes(), bytes.ToUpper(c.Bytes()))
		return out.Send(ctx, c)
	})
	if got := pipetest.Apply(t, upper, []byte("weir")); string(got) != "WEIR" {
		t.Errorf("got %q", got)
	}
	failing := each(func(_ context.Context, c pipeline.Chunk, _ *pipeline.Outlet) error {
		c.Release()
		return errors.New("bad")
	})
	failures := record(t, func(t testing.TB) {
		pipetest.Apply(t, failing, []byte("weir"))
		t.Errorf("went on")
	})
	if len(failures) != 1 || failures[0] != "run: mutant: bad" {
		t.Errorf("reported %q", failures)
	}
}

func TestSourceWantsCutsInOrder(t *testing.T) {
	for _, cuts := range [][]int{{5}, {-1}, {3, 2}} {
		_, err := pipetest.Source([]byte("weir"), cuts...).To((&pipetest.Collector{}).Sink()).Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "cut at offset") {
			t.Errorf("cuts %v: %v, want an error that names the offset", cuts, err)
		}
	}
}

func TestNoLeaks(t *testing.T) {
	if failures := record(t, func(t testing.TB) { pipetest.NoLeaks(t) }); len(failures) > 0 {
		t.Errorf("nothing leaks: %q", failures)
	}
	release := make(chan struct{})
	ended := make(chan struct{})
	failures := record(t, func(t testing.TB) {
		pipetest.NoLeaks(t)
		go func() { <-release; close(ended) }()
	})
	close(release)
	<-ended
	if len(failures) != 1 || !strings.Contains(failures[0], "kit_test.go") {
		t.Errorf("a goroutine leaks; reported %q", failures)
	}
	failures = record(t, func(t testing.TB) {
		pipetest.NoLeaks(t)
		gone := make(chan struct{})
		t.Cleanup(func() { <-gone }) // registered later, so it runs before the check
		go func() { close(gone) }()
	})
	if len(failures) > 0 {
		t.Errorf("a goroutine that a cleanup waits for was reported: %q", failures)
	}
}

func TestNoLeaksSeesFiles(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("only where /proc shows what is open")
	}
	var f *os.File
	failures := record(t, func(t testing.TB) {
		pipetest.NoLeaks(t)
		var err error
		if f, err = os.Create(filepath.Join(t.TempDir(), "forgotten")); err != nil {
			t.Errorf("%v", err)
		}
	})
	defer f.Close()
	if len(failures) != 1 || !strings.Contains(failures[0], "forgotten") {
		t.Errorf("a file is left open; reported %q", failures)
	}
}

// The tests of this binary run in poison mode, its benchmarks do not.
func TestPoisonMode(t *testing.T) {
	if os.Getenv("PIPETEST_SHOW_POISON") != "" {
		t.Logf("WEIR_POISON=%q", os.Getenv("WEIR_POISON"))
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Skip(err)
	}
	for _, test := range []struct {
		args []string
		env  string
		want string
	}{
		{nil, "", "1"},
		{[]string{"-test.bench="}, "", "1"},
		{[]string{"-test.benchmem"}, "", "1"},
		{[]string{"-test.bench=None"}, "", ""},
		{[]string{"--test.bench", "None"}, "", ""},
		{nil, "WEIR_POISON=0", "0"},
		{[]string{"-test.bench=None"}, "WEIR_POISON=1", "1"},
	} {
		cmd := exec.Command(exe, append(test.args, "-test.run=^TestPoisonMode$", "-test.v")...)
		for _, v := range os.Environ() {
			if !strings.HasPrefix(v, "WEIR_POISON=") {
				cmd.Env = append(cmd.Env, v)
			}
		}
		cmd.Env = append(cmd.Env, "PIPETEST_SHOW_POISON=1", "GORACE=atexit_sleep_ms=0", test.env)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), `WEIR_POISON="`+test.want+`"`) {
			t.Errorf("%q %s: %v, want WEIR_POISON=%q in\n%s", test.args, test.env, err, test.want, out)
		}
	}
}
