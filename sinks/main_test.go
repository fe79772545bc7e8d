package sinks_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// Some tests start this binary again: with other descriptors, limits or rights. The child does what
// childEnv says, and its arguments are in the variable's value, separated by newlines.
const childEnv = "WEIR_SINKS_TEST_CHILD"

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

// say is a source of one chunk a string.
func say(chunks ...string) pipeline.Source {
	return pipeline.NewSource("say", func(ctx context.Context, out *pipeline.Outlet) error {
		for _, s := range chunks {
			c := pipeline.NewChunk(len(s))
			copy(c.Bytes(), s)
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// sayThen emits s and then does what f does.
func sayThen(s string, f func(ctx context.Context) error) pipeline.Source {
	return pipeline.NewSource("say", func(ctx context.Context, out *pipeline.Outlet) error {
		if err := say(s).Run(ctx, out); err != nil {
			return err
		}
		return f(ctx)
	})
}

// whileOpen emits "new" and much more, and calls f when the sinks have written much: a chunk as large as a
// channel waits until the channel is empty, and behind a tee there are two channels.
func whileOpen(f func() error) pipeline.Source {
	return pipeline.NewSource("say", func(ctx context.Context, out *pipeline.Outlet) error {
		for _, b := range [][]byte{[]byte("new"), much, much, much, much, much} {
			if err := out.Send(ctx, pipeline.ChunkOf(b)); err != nil {
				return err
			}
		}
		return f()
	})
}

var (
	much         = make([]byte, 1<<20)
	whileOpenAll = "new" + strings.Repeat(string(much), 5) // what whileOpen emits
)

// pour emits for ever.
func pour() pipeline.Source {
	return pipeline.NewSource("pour", func(ctx context.Context, out *pipeline.Outlet) error {
		for {
			if err := out.Send(ctx, pipeline.NewChunk(64<<10)); err != nil {
				return err
			}
		}
	})
}

func run(source pipeline.Source, sink pipeline.Sink) error {
	_, err := source.To(sink).Run(context.Background())
	return err
}
