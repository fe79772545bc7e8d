package sources_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
)

// Some tests start this binary again: with other descriptors or rights. The child does what
// childEnv says, and its arguments are in the variable's value, separated by newlines.
const childEnv = "WEIR_SOURCES_TEST_CHILD"

// children are what a child may be told to do. Its error is printed and makes the exit code 1.
var children = map[string]func(args []string) error{}

func TestMain(m *testing.M) {
	job, ok := os.LookupEnv(childEnv)
	if !ok {
		os.Exit(m.Run())
	}
	args := strings.Split(job, "\n")
	if err := children[args[0]](args[1:]); err != nil {
		fmt.Fprint(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child returns the command that runs a job.
func child(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join(args, "\n"))
	return cmd
}

// drain runs source and returns what it emits and the size that it promised, -1 for none.
func drain(ctx context.Context, source pipeline.Source) (got []byte, size int64, err error) {
	var c pipetest.Collector
	report, err := source.To(c.Sink()).Run(ctx)
	if n := len(report.Channels); n > 0 {
		size = report.Channels[n-1].Size
	}
	got, _ = c.Published()
	return got, size, err
}

// text returns n bytes in which every position is different from its neighbourhood.
func text(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	return b.Bytes()[:n]
}

// enough is a sink that returns after n bytes.
func enough(n int64) pipeline.Sink {
	return pipeline.NewSink("enough", func(ctx context.Context, in *pipeline.Inlet) error {
		for got := int64(0); got < n; {
			c, err := in.Next(ctx)
			if err != nil {
				return err
			}
			got += int64(c.Len())
			c.Release()
		}
		return pipeline.Enough
	})
}

// afterFirst is a sink that takes a chunk, calls f, and reads on.
func afterFirst(f func()) pipeline.Sink {
	return pipeline.NewSink("after first", func(ctx context.Context, in *pipeline.Inlet) error {
		c, err := in.Next(ctx)
		if err != nil {
			return err
		}
		c.Release()
		f()
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			c.Release()
		}
		return nil
	})
}
