package sources_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sources"
)

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// S70, S71: what odd readers have comes out whole.
func TestReader(t *testing.T) {
	pipetest.NoLeaks(t)
	want := text(50_000)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"plain":         func(r io.Reader) io.Reader { return r },
		"one byte":      iotest.OneByteReader,
		"half":          iotest.HalfReader,
		"data with EOF": iotest.DataErrReader,
		"all with EOF":  func(r io.Reader) io.Reader { return iotest.DataErrReader(io.LimitReader(r, 1<<20)) },
		"nothing at times": func(r io.Reader) io.Reader {
			n := 0
			return readerFunc(func(b []byte) (int, error) {
				if n++; n%2 == 0 {
					return 0, nil
				}
				return r.Read(b[:min(100, len(b))])
			})
		},
	} {
		got, promised, err := drain(t.Context(), sources.Reader(wrap(bytes.NewReader(want))))
		if err != nil || !bytes.Equal(got, want) || promised != -1 {
			t.Errorf("%s: got %d bytes, promised %d, %v", name, len(got), promised, err)
		}
	}
}

// S70, S73: readers that fail, or break their contract.
func TestReaderThatFails(t *testing.T) {
	pipetest.NoLeaks(t)
	boom := errors.New("boom")
	for name, tt := range map[string]struct {
		r    io.Reader
		want error
		text string
	}{
		"timeout":   {iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("abc"))), iotest.ErrTimeout, "reader: timeout"},
		"error":     {iotest.ErrReader(boom), boom, "reader: boom"},
		"data, err": {readerFunc(func(b []byte) (int, error) { return copy(b, "x"), boom }), boom, "reader: boom"},
		"truncated": {iotest.ErrReader(io.ErrUnexpectedEOF), io.ErrUnexpectedEOF, "reader: unexpected EOF"},
		"panic":     {readerFunc(func([]byte) (int, error) { panic(boom) }), boom, "reader: panic: boom"},
		"idle":      {readerFunc(func([]byte) (int, error) { return 0, nil }), io.ErrNoProgress, "reader: multiple Read calls return no data or error"},
		"too much":  {readerFunc(func(b []byte) (int, error) { return 1 << 30, nil }), nil, "reader: sources_test.readerFunc: Read of 16384 bytes returned 1073741824"},
		"negative":  {readerFunc(func(b []byte) (int, error) { return -1, nil }), nil, "reader: sources_test.readerFunc: Read of 16384 bytes returned -1"},
		"nil":       {nil, nil, "reader: r is nil: want an io.Reader"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := drain(t.Context(), sources.Reader(tt.r))
			if err == nil || err.Error() != tt.text || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %s", err, tt.text)
			}
			if got != nil {
				t.Errorf("published %q", got)
			}
		})
	}
}

// S25.
func TestReaderIsSingleUse(t *testing.T) {
	source := sources.Reader(strings.NewReader("x"))
	if got, _, err := drain(t.Context(), source); err != nil || string(got) != "x" {
		t.Fatalf("got %q, %v", got, err)
	}
	if _, _, err := drain(t.Context(), source); !errors.Is(err, pipeline.ErrSingleUse) || err.Error() != "reader: can be run only once" {
		t.Errorf("got %v, want ErrSingleUse", err)
	}
}

// waiting is a reader that waits until it is closed, and then says EOF.
type waiting struct {
	closed chan struct{}
	closes int
}

func (w *waiting) Read([]byte) (int, error) {
	<-w.closed
	return 0, io.EOF
}

func (w *waiting) Close() error {
	if w.closes++; w.closes == 1 {
		close(w.closed)
	}
	return nil
}

func TestReaderIsInterrupted(t *testing.T) {
	cause := errors.New("cause")
	t.Run("by its Close", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(context.Background())
			w := &waiting{closed: make(chan struct{})}
			done := make(chan error, 1)
			go func() {
				got, _, err := drain(ctx, sources.Reader(w))
				if got != nil {
					t.Errorf("published %q", got)
				}
				done <- err
			}()
			synctest.Wait()
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
				_, _, err := drain(ctx, sources.Reader(here))
				done <- err
			}()
			synctest.Wait()
			cancel(cause)
			if err := <-done; err != cause {
				t.Errorf("got %v", err)
			}
			// It is open, and its deadline is cleared.
			go there.Write([]byte("y"))
			b := make([]byte, 1)
			if _, err := here.Read(b); err != nil || b[0] != 'y' {
				t.Errorf("got %q, %v", b, err)
			}
		})
	})
	t.Run("when it is stopped", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := &waiting{closed: make(chan struct{})}
			if _, err := sources.Reader(w).To(enough(0)).Run(t.Context()); err != nil || w.closes > 1 {
				t.Errorf("got %v, %d closes", err, w.closes)
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
		w.WriteString("x")
		ctx, cancel := context.WithCancelCause(context.Background())
		if _, err := sources.Reader(r).To(afterFirst(func() { cancel(cause) })).Run(ctx); err != cause {
			t.Errorf("got %v", err)
		}
		w.WriteString("y")
		b := make([]byte, 2)
		if n, err := r.Read(b); err != nil || string(b[:n]) != "y" {
			t.Errorf("afterwards: %q, %v", b[:n], err)
		}
	})
}

// A run that ends by itself leaves r open.
func TestReaderIsNotClosed(t *testing.T) {
	r := struct {
		io.Reader
		io.Closer
	}{strings.NewReader("some"), closerFunc(func() error { t.Error("closed"); return nil })}
	if _, _, err := drain(t.Context(), sources.Reader(r)); err != nil {
		t.Error(err)
	}
}

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

func TestReaderConforms(t *testing.T) {
	want := text(100_000)
	pipetest.TestSourceWith(t, func() pipeline.Source { return sources.Reader(bytes.NewReader(want)) }, pipetest.SourceOptions{
		SingleUse: true,
		Blocked:   func() pipeline.Source { return sources.Reader(&waiting{closed: make(chan struct{})}) },
	}, want)
}
