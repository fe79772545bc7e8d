package sinks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
)

func TestWriter(t *testing.T) {
	var b strings.Builder
	if err := run(say("one ", "two ", "three"), sinks.Writer(&b)); err != nil || b.String() != "one two three" {
		t.Errorf("got %q, %v", b.String(), err)
	}
}

// S25.
func TestWriterIsSingleUse(t *testing.T) {
	var b strings.Builder
	flow := say("x").To(sinks.Writer(&b))
	if _, err := flow.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := flow.Run(t.Context()); !errors.Is(err, pipeline.ErrSingleUse) || err.Error() != "writer: can be run only once" {
		t.Errorf("got %v, want ErrSingleUse", err)
	}
	if b.String() != "x" {
		t.Errorf("got %q", b.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// S70: writers that take less than they should. A writer may lie and take less without a word; that cannot be
// seen.
func TestWriterThatFails(t *testing.T) {
	boom := errors.New("boom")
	var b strings.Builder
	for name, tt := range map[string]struct {
		w    io.Writer
		want error
		text string
	}{
		"short":    {writerFunc(func(b []byte) (int, error) { return len(b) - 1, nil }), io.ErrShortWrite, "writer: short write"},
		"nothing":  {writerFunc(func([]byte) (int, error) { return 0, nil }), io.ErrShortWrite, "writer: short write"},
		"error":    {writerFunc(func([]byte) (int, error) { return 0, boom }), boom, "writer: boom"},
		"all, err": {writerFunc(func(b []byte) (int, error) { return len(b), boom }), boom, "writer: boom"},
		"EOF":      {writerFunc(func([]byte) (int, error) { return 0, io.EOF }), io.ErrUnexpectedEOF, "writer: unexpected EOF"},
		"too much": {writerFunc(func(b []byte) (int, error) { return len(b) + 1, nil }), nil, "writer: sinks_test.writerFunc: Write of 3 bytes returned 4"},
		"negative": {writerFunc(func([]byte) (int, error) { return -1, nil }), nil, "writer: sinks_test.writerFunc: Write of 3 bytes returned -1"},
		"nil":      {nil, nil, "writer: w is nil: want an io.Writer"},
		"truncate": {iotest.TruncateWriter(&b, 4), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := say("abc", "def").To(sinks.Writer(tt.w)).Run(t.Context())
			if (err == nil) != (tt.text == "") || err != nil && err.Error() != tt.text {
				t.Errorf("got %v, want %q", err, tt.text)
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%v is not %v", err, tt.want)
			}
		})
	}
	if b.String() != "abcd" {
		t.Errorf("TruncateWriter got %q", b.String())
	}
}

// closer counts its closes, and its writes wait for the first.
type closer struct {
	closes int
	closed chan struct{}
}

func (c *closer) Write([]byte) (int, error) {
	<-c.closed
	return 0, os.ErrClosed
}

func (c *closer) Close() error {
	if c.closes++; c.closes == 1 {
		close(c.closed)
	}
	return nil
}

// S22: the write that is interrupted does not replace the cause.
func TestWriterIsInterrupted(t *testing.T) {
	cause := errors.New("cause")
	t.Run("by its Close", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(context.Background())
			w := &closer{closed: make(chan struct{})}
			done := make(chan error, 1)
			go func() {
				_, err := say("x").To(sinks.Writer(w)).Run(ctx)
				done <- err
			}()
			synctest.Wait() // the write blocks
			cancel(cause)
			if err := <-done; err != cause || w.closes != 1 {
				t.Errorf("got %v, %d closes", err, w.closes)
			}
		})
	})
	t.Run("by its deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(context.Background())
			here, there := net.Pipe()
			done := make(chan error, 1)
			go func() {
				_, err := say("x").To(sinks.Writer(here)).Run(ctx)
				done <- err
			}()
			synctest.Wait()
			cancel(cause)
			if err := <-done; err != cause {
				t.Errorf("got %v", err)
			}
			// It is open, and its deadline is cleared.
			go here.Write([]byte("y"))
			b := make([]byte, 1)
			if _, err := there.Read(b); err != nil || b[0] != 'y' {
				t.Errorf("got %q, %v", b, err)
			}
		})
	})
	t.Run("a pipe", func(t *testing.T) {
		pipetest.NoLeaks(t)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		ctx, cancel := context.WithCancelCause(context.Background())
		done := make(chan error, 1)
		go func() {
			_, err := pour().To(sinks.Writer(w)).Run(ctx)
			done <- err
		}()
		if _, err := io.ReadFull(r, make([]byte, 100_000)); err != nil {
			t.Fatal(err)
		}
		cancel(cause)
		if err := <-done; err != cause {
			t.Errorf("got %v", err)
		}
		if _, err := w.Stat(); err != nil {
			t.Error("the pipe was closed")
		}
	})
}

func TestWriterIsNotClosed(t *testing.T) {
	w := &closer{closed: make(chan struct{})}
	if err := run(say(), sinks.Writer(w)); err != nil || w.closes != 0 {
		t.Errorf("got %v, %d closes", err, w.closes)
	}
	if err := run(sayThen("", func(context.Context) error { return errors.New("boom") }), sinks.Writer(w)); err == nil {
		t.Error("success")
	}
}

func TestBuffer(t *testing.T) {
	b := bytes.NewBufferString("before ")
	flow := say("one ", "two ").To(sinks.Buffer(b))
	for range 2 {
		if _, err := flow.Run(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if got := b.String(); got != "before one two one two " {
		t.Errorf("got %q", got)
	}
	if err := run(say("x"), sinks.Buffer(nil)); err == nil || err.Error() != "buffer: b is nil: want a *bytes.Buffer" {
		t.Errorf("got %v", err)
	}
}

func TestDiscard(t *testing.T) {
	report, err := say("one ", "two ").To(sinks.Discard()).Run(t.Context())
	if err != nil || report.Channels[0].Bytes != 8 {
		t.Errorf("%d bytes, %v", report.Channels[0].Bytes, err)
	}
}

func TestChan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := make(chan []byte)
		var err error
		go func() {
			defer close(ch)
			err = run(say("one ", "two ", "three"), sinks.Chan(ch))
		}()
		var got []string
		for b := range ch {
			got = append(got, string(b))
			clear(b) // it is the receiver's
		}
		if err != nil || strings.Join(got, "") != "one two three" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// What is received is a copy: a sibling branch sees its own bytes.
func TestChanCopies(t *testing.T) {
	ch := make(chan []byte, 1)
	after := pipeline.NewSink("after", func(ctx context.Context, in *pipeline.Inlet) error {
		c, err := in.Next(ctx)
		if err != nil {
			return err
		}
		clear(<-ch)
		if string(c.Bytes()) != "same" {
			t.Errorf("the sibling has %q", c.Bytes())
		}
		c.Release()
		return pipeline.Enough
	})
	if err := run(say("same"), pipeline.Tee(sinks.Chan(ch), after)); err != nil {
		t.Error(err)
	}
}

func TestChanIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("cause")
		ctx, cancel := context.WithCancelCause(context.Background())
		ch := make(chan []byte)
		done := make(chan error, 1)
		go func() {
			_, err := say("x").To(sinks.Chan(ch)).Run(ctx)
			done <- err
		}()
		synctest.Wait()
		cancel(cause)
		if err := <-done; err != cause {
			t.Errorf("got %v", err)
		}
		select {
		case b, open := <-ch:
			t.Errorf("received %q, %t", b, open)
		default:
		}
	})
	if err := run(say("x"), sinks.Chan(nil)); err == nil || err.Error() != "chan: ch is nil: want a channel" {
		t.Errorf("got %v", err)
	}
}

func init() {
	children["stdout"] = func(args []string) error {
		for _, arg := range args {
			source := say(arg)
			if arg == "fail" {
				source = sayThen("half ", func(context.Context) error { return errors.New("boom") })
			}
			if err := run(source, sinks.Stdout()); err != nil && arg != "fail" {
				return err
			}
		}
		_, err := os.Stdout.WriteString("still open")
		return err
	}
	children["pour"] = func([]string) error {
		err := run(pour(), sinks.Stdout())
		if e, ok := errors.AsType[*fs.PathError](err); !ok || !errors.Is(e.Err, syscall.EPIPE) {
			return fmt.Errorf("%T: %w", err, err)
		}
		return errors.New("EPIPE")
	}
	children["cancel"] = func([]string) error {
		cause := errors.New("cause")
		ctx, cancel := context.WithCancelCause(context.Background())
		go func() {
			b := make([]byte, 1)
			os.Stdin.Read(b)
			cancel(cause)
		}()
		_, err := pour().To(sinks.Stdout()).Run(ctx)
		if err != cause {
			return errors.Join(errors.New("not the cause"), err)
		}
		return nil
	}
}

// S20.
func TestStdout(t *testing.T) {
	for name, out := range map[string]func(t *testing.T) (*os.File, func() string){
		"pipe": func(t *testing.T) (*os.File, func() string) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			return w, func() string {
				w.Close()
				defer r.Close()
				b, err := io.ReadAll(r)
				if err != nil {
					t.Error(err)
				}
				return string(b)
			}
		},
		"file": func(t *testing.T) (*os.File, func() string) {
			f, err := os.Create(t.TempDir() + "/out")
			if err != nil {
				t.Fatal(err)
			}
			return f, func() string {
				defer f.Close()
				b, err := os.ReadFile(f.Name())
				if err != nil {
					t.Error(err)
				}
				return string(b)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, read := out(t)
			cmd := child(t, "stdout", "one ", "fail", "two ", "")
			cmd.Stdout = w
			cmd.Stderr = os.Stderr
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
			// Of the failed run nothing, or the part that had arrived.
			if got := strings.Replace(read(), "half ", "", 1); got != "one two still open" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestStdoutWhoseReaderLeaves(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	cmd := child(t, "pour")
	var stderr strings.Builder
	cmd.Stdout, cmd.Stderr = w, &stderr
	if err := cmd.Run(); err == nil || stderr.String() != "EPIPE" {
		t.Errorf("got %q, %v", stderr.String(), err)
	}
}

func TestStdoutIsInterrupted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := child(t, "cancel")
	var stderr strings.Builder
	cmd.Stdout, cmd.Stderr = w, &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := io.ReadFull(r, make([]byte, 100_000)); err != nil {
		t.Error(err)
	}
	stdin.Close() // nobody reads on; the child cancels its run
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, stderr.String())
	}
}
