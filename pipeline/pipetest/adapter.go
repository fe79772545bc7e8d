package pipetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/weirflow/weir/pipeline"
)

var (
	errReader = errors.New("pipetest: the reader failed")
	errWriter = errors.New("pipetest: the writer failed")
)

// TestReaderSource tests a source that is made from an io.Reader: that it delivers
// all bytes of the readers of testing/iotest, also those returned together with io.EOF or
// with an error; that an error fails the run; that readers which break their contract
// (a panic, a count beyond the slice, 0 and nil for ever) fail the
// run. source is called with a new reader for every run. TestReaderSource is not for
// tests that run in parallel with others.
func TestReaderSource(t testing.TB, source func(r io.Reader) pipeline.Source) {
	t.Helper()
	c := &checker{}
	for _, n := range []int{0, 1, 600, 70_000} {
		c.sub(t, fmt.Sprintf("%d bytes", n), func(t testing.TB) { c.reads(t, source, sample(n)) })
	}
	c.sub(t, "broken readers", func(t testing.TB) { c.brokenReaders(t, source) })
}

// plain hides every method of a reader but Read.
type plain struct{ io.Reader }

func (c *checker) reads(t testing.TB, source func(r io.Reader) pipeline.Source, data []byte) {
	t.Helper()
	for _, r := range readers {
		if r.slow && len(data) > 2*bytewise {
			continue
		}
		c.delivers(t, r.name, source(plain{r.wrap(bytes.NewReader(data))}), true, setting{}, data)
	}
	what := "data, then an error"
	to := &Collector{hold: true}
	_, err := c.run(t.Context(), t, what, source(io.MultiReader(bytes.NewReader(data), iotest.ErrReader(errReader))).To(to.Sink()))
	wantError(t, what, err, errReader)
	wantAborted(t, what, to, data)
}

func (c *checker) brokenReaders(t testing.TB, source func(r io.Reader) pipeline.Source) {
	t.Helper()
	data := sample(100)
	for _, r := range []struct {
		name string
		read func(p []byte) (int, error)
		want error // nil: any
	}{
		{"data together with an error", func(p []byte) (int, error) { return copy(p, data), errReader }, errReader},
		{"a reader that times out", iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(data))).Read, iotest.ErrTimeout},
		{"a reader that panics", func([]byte) (int, error) { panic(errReader) }, errReader},
		{"a reader that returns a count beyond the slice", func(p []byte) (int, error) { return len(p) + 1, nil }, nil},
		{"a reader that returns a negative count", func([]byte) (int, error) { return -1, nil }, nil},
		{"a reader that returns nothing for ever", func([]byte) (int, error) { return 0, nil }, io.ErrNoProgress},
	} {
		to := &Collector{}
		_, err := c.run(t.Context(), t, r.name, source(readFunc(r.read)).To(to.Sink()))
		wantError(t, r.name, err, r.want)
		wantAborted(t, r.name, to, data)
	}
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// wantError reports a run that did not fail with cause, or, where cause is nil, at all.
func wantError(t testing.TB, what string, err, cause error) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("%s: the run succeeded, want an error", what)
	case cause != nil && !errors.Is(err, cause):
		t.Errorf("%s: the run failed with %q, want %q", what, err, cause)
	}
}

// TestWriterSink tests a sink that is made from an io.Writer: that the writer gets
// all bytes in their order; that its error, a short write without one (io.ErrShortWrite),
// a count beyond the slice and a panic fail the run; that nothing is written after
// an error. sink is called with a new writer for every run. It is not for tests
// that run in parallel with others.
func TestWriterSink(t testing.TB, sink func(w io.Writer) pipeline.Sink) {
	t.Helper()
	c := &checker{}
	for _, n := range []int{0, 1, 600, 70_000} {
		data := sample(n)
		c.sub(t, fmt.Sprintf("%d bytes", n), func(t testing.TB) {
			for _, f := range feeds(data) {
				var b bytes.Buffer
				if _, err := c.run(t.Context(), t, f.name, f.source().To(sink(&b))); err != nil {
					t.Errorf("%s: %v", f.name, err)
				}
				if err := compare(b.Bytes(), data); err != nil {
					t.Errorf("%s: %v", f.name, err)
				}
			}
		})
	}
	c.sub(t, "broken writers", func(t testing.TB) { c.brokenWriters(t, sink) })
}

func (c *checker) brokenWriters(t testing.TB, sink func(w io.Writer) pipeline.Sink) {
	t.Helper()
	for _, w := range []struct {
		name  string
		write func(p []byte) (int, error)
		want  error // nil: any
	}{
		{"a writer that fails", func([]byte) (int, error) { return 0, errWriter }, errWriter},
		{"a writer that fails half way", func(p []byte) (int, error) { return len(p) / 2, errWriter }, errWriter},
		{"a writer that writes less without an error", func(p []byte) (int, error) { return len(p) - 1, nil }, io.ErrShortWrite},
		{"a writer that returns a count beyond the slice", func(p []byte) (int, error) { return len(p) + 1, nil }, nil},
		{"a writer that panics", func([]byte) (int, error) { panic(errWriter) }, errWriter},
	} {
		for k := range 3 { // writes that succeed before
			what := fmt.Sprintf("%s (write %d)", w.name, k)
			bad := &badWriter{good: k, write: w.write}
			_, err := c.run(t.Context(), t, what, Source(make([]byte, 100_000), evenly(100_000, 20)...).To(sink(bad)))
			wantError(t, what, err, w.want)
			if bad.after > 0 {
				t.Errorf("%s: %d more writes after it", what, bad.after)
			}
		}
	}
}

// badWriter succeeds a number of times and then calls write.
type badWriter struct {
	good  int
	write func(p []byte) (int, error)
	bad   bool
	after int
}

func (w *badWriter) Write(p []byte) (int, error) {
	switch {
	case w.bad:
		w.after++
	case w.good > 0:
		w.good--
		return len(p), nil
	}
	w.bad = true
	return w.write(p)
}
