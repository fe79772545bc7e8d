package sinks_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
	"github.com/weirflow/weir/sinks"
)

// fileTarget is a file in a folder of its own, in which nothing else may appear.
func fileTarget(opts sinks.FileOptions) func(t testing.TB) pipetest.Target {
	return func(t testing.TB) pipetest.Target {
		dir := t.TempDir()
		name := filepath.Join(dir, "out")
		return pipetest.Target{
			Sink: sinks.FileWith(name, opts),
			Published: func() ([]byte, bool) {
				b, err := os.ReadFile(name)
				return b, err == nil
			},
			Debris: func() error {
				entries, err := os.ReadDir(dir)
				if err != nil || len(entries) == 0 {
					return err
				}
				return fmt.Errorf("left: %v", entries)
			},
		}
	}
}

func TestFileConforms(t *testing.T) {
	pipetest.TestSink(t, fileTarget(sinks.FileOptions{}))
}

func TestFileNoClobberConforms(t *testing.T) {
	pipetest.TestSinkWith(t, fileTarget(sinks.FileOptions{NoClobber: true}), pipetest.SinkOptions{Once: true})
}

// The new content replaces the old one, as if that had never been there.
func TestFileOverAnOldOneConforms(t *testing.T) {
	old := []byte("the old content")
	pipetest.TestSink(t, func(t testing.TB) pipetest.Target {
		dir := t.TempDir()
		name := filepath.Join(dir, "out")
		if err := os.WriteFile(name, old, 0o666); err != nil {
			t.Fatal(err)
		}
		return pipetest.Target{
			Sink: sinks.File(name),
			Published: func() ([]byte, bool) {
				b, err := os.ReadFile(name)
				return b, err != nil || !bytes.Equal(b, old)
			},
			Debris: func() error {
				if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
					return fmt.Errorf("left: %v, %w", entries, err)
				}
				if b, err := os.ReadFile(name); err != nil || !bytes.Equal(b, old) {
					return fmt.Errorf("the old file is %q, %w", b, err)
				}
				return nil
			},
		}
	})
}

// locked is a buffer that may be looked at while it is written.
type locked struct {
	mu sync.Mutex
	b  []byte
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, b...)
	return len(b), nil
}

func (l *locked) published() ([]byte, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b), true
}

func TestWriterConforms(t *testing.T) {
	pipetest.TestSinkWith(t, func(testing.TB) pipetest.Target {
		var l locked
		return pipetest.Target{Sink: sinks.Writer(&l), Published: l.published}
	}, pipetest.SinkOptions{PassesOn: true, SingleUse: true, Blocked: func() pipeline.Sink {
		return sinks.Writer(&closer{closed: make(chan struct{})})
	}})
}

// A buffer is for one run at a time, so the runs at once get one each.
func TestBufferConforms(t *testing.T) {
	pipetest.TestSinkWith(t, func(testing.TB) pipetest.Target {
		var mu sync.Mutex
		var all []byte
		sink := pipeline.NewSink("around", func(ctx context.Context, in *pipeline.Inlet) error {
			var b bytes.Buffer
			err := sinks.Buffer(&b).Run(ctx, in)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, b.Bytes()...)
			return err
		})
		return pipetest.Target{Sink: sink, Published: func() ([]byte, bool) {
			mu.Lock()
			defer mu.Unlock()
			return bytes.Clone(all), true
		}}
	}, pipetest.SinkOptions{PassesOn: true})
}

func TestDiscardConforms(t *testing.T) {
	pipetest.TestSink(t, func(testing.TB) pipetest.Target { return pipetest.Target{Sink: sinks.Discard()} })
}

func TestChanConforms(t *testing.T) {
	pipetest.TestSinkWith(t, func(t testing.TB) pipetest.Target {
		ch := make(chan []byte)
		asks, stop := make(chan chan []byte), make(chan struct{})
		go func() {
			var got []byte
			for {
				select {
				case b := <-ch:
					got = append(got, b...)
					clear(b)
				case answer := <-asks: // by now, what was received before is in got
					answer <- bytes.Clone(got)
				case <-stop:
					return
				}
			}
		}()
		t.Cleanup(func() { close(stop) })
		return pipetest.Target{Sink: sinks.Chan(ch), Published: func() ([]byte, bool) {
			answer := make(chan []byte)
			asks <- answer
			return <-answer, true
		}}
	}, pipetest.SinkOptions{PassesOn: true, Blocked: func() pipeline.Sink { return sinks.Chan(make(chan []byte)) }})
}
