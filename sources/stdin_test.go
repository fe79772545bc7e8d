package sources_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sources"
)

func init() {
	// Twice, so that it is seen that stdin stays open.
	children["stdin"] = func([]string) error {
		for range 2 {
			got, size, err := drain(context.Background(), sources.Stdin())
			if err != nil {
				return err
			}
			fmt.Printf("%d %d %t\n", len(got), size, bytes.HasSuffix(text(100_000), got))
		}
		_, err := os.Stdin.Stat()
		return err
	}
	children["stdin cancelled"] = func([]string) error {
		cause := errors.New("cause")
		ctx, cancel := context.WithCancelCause(context.Background())
		if _, err := sources.Stdin().To(afterFirst(func() { cancel(cause) })).Run(ctx); err != cause {
			return errors.Join(errors.New("not the cause"), err)
		}
		fmt.Println("cancelled") // then there is more
		got, err := io.ReadAll(os.Stdin)
		if string(got) != "rest" {
			return errors.Join(fmt.Errorf("the rest is %q", got), err)
		}
		return err
	}
	children["stdin enough"] = func([]string) error {
		_, err := sources.Stdin().To(pipeline.NewSink("enough", func(context.Context, *pipeline.Inlet) error { return pipeline.Enough })).Run(context.Background())
		return err
	}
}

func TestStdin(t *testing.T) {
	name := file(t, text(100_000))
	t.Run("file", func(t *testing.T) {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		f.Seek(1000, io.SeekStart) // the child goes on from here
		cmd := child(t, "stdin")
		cmd.Stdin = f
		out, err := cmd.CombinedOutput()
		if want := "99000 99000 true\n0 -1 true\n"; err != nil || string(out) != want {
			t.Errorf("got %q, %v; want %q", out, err, want)
		}
	})
	t.Run("pipe", func(t *testing.T) {
		cmd := child(t, "stdin")
		cmd.Stdin = strings.NewReader(string(text(100_000)))
		out, err := cmd.CombinedOutput()
		if want := "100000 -1 true\n0 -1 true\n"; err != nil || string(out) != want {
			t.Errorf("got %q, %v; want %q", out, err, want)
		}
	})
	t.Run("null", func(t *testing.T) {
		out, err := child(t, "stdin").CombinedOutput()
		if want := "0 -1 true\n0 -1 true\n"; err != nil || string(out) != want {
			t.Errorf("got %q, %v; want %q", out, err, want)
		}
	})
}

// A read that blocks ends with the run, and os.Stdin is as it was.
func TestStdinIsInterrupted(t *testing.T) {
	cmd := child(t, "stdin cancelled")
	w, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "x")
	if _, err := io.ReadFull(r, make([]byte, len("cancelled"))); err != nil {
		t.Error(err)
	}
	io.WriteString(w, "rest")
	w.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, stderr.String())
	}
}

func TestStdinIsStopped(t *testing.T) {
	cmd := child(t, "stdin enough")
	w, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close() // after the child has ended
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, stderr.String())
	}
}
