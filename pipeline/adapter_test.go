package pipeline_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/weirflow/weir/pipeline"
)

func copyFrom(r io.Reader) pipeline.Source {
	return pipeline.NewSource("reader", func(ctx context.Context, out *pipeline.Outlet) error { return out.CopyFrom(ctx, r) })
}

func copyTo(w io.Writer) pipeline.Sink {
	return pipeline.NewSink("writer", func(ctx context.Context, in *pipeline.Inlet) error { return in.CopyTo(ctx, w) })
}

// S70
func TestReadersOfAllKinds(t *testing.T) {
	data := []byte(strings.Repeat("0123456789", 5000))
	t.Run("Inlet.Reader", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
				return iotest.TestReader(in.Reader(ctx), data)
			})
			run(t, copyFrom(iotest.HalfReader(bytes.NewReader(data))).To(sink), nil)
		})
	})
	t.Run("Source.Reader", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := copyFrom(bytes.NewReader(data)).Via(pass()).Reader(t.Context())
			if err := iotest.TestReader(r, data); err != nil {
				t.Error(err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
	})
	for name, tt := range map[string]struct {
		r    func(io.Reader) io.Reader
		want error
	}{
		"OneByteReader": {iotest.OneByteReader, nil},
		"HalfReader":    {iotest.HalfReader, nil},
		"DataErrReader": {iotest.DataErrReader, nil},
		"TimeoutReader": {func(r io.Reader) io.Reader { return iotest.TimeoutReader(iotest.OneByteReader(r)) }, iotest.ErrTimeout},
		"ErrReader":     {func(r io.Reader) io.Reader { return io.MultiReader(r, iotest.ErrReader(errBoom)) }, errBoom},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := store{}
				run(t, copyFrom(tt.r(bytes.NewReader(data))).To(s.sink()), tt.want)
				if tt.want == nil {
					s.wantPublished(t, string(data))
				} else {
					s.wantUndone(t, tt.want)
				}
			})
		})
	}
}

type shortWriter struct{ n int }

func (w *shortWriter) Write(p []byte) (int, error) { w.n++; return len(p) - 1, nil }

type lyingWriter struct{ n int }

func (w lyingWriter) Write([]byte) (int, error) { return w.n, nil }

// S70
func TestWritersOfAllKinds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var b bytes.Buffer
		// TruncateWriter reports more than it writes: no failure is seen, and none is made up.
		run(t, emit("abc", "def").To(copyTo(iotest.TruncateWriter(&b, 4))), nil)
		if b.String() != "abcd" {
			t.Errorf("wrote %q", b.String())
		}
		run(t, emit("abc").To(copyTo(&shortWriter{})), io.ErrShortWrite)
		for _, n := range []int{-1, 4} {
			_, err := emit("abc").To(copyTo(lyingWriter{n})).Run(t.Context())
			if err == nil || !strings.Contains(err.Error(), fmt.Sprint("returned ", n)) {
				t.Errorf("error %v", err)
			}
		}
		toWriter := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			_, err := io.Copy(&shortWriter{}, in.Reader(ctx))
			return err
		})
		run(t, emit("abc").To(toWriter), io.ErrShortWrite)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// S71
func TestDataWithEOF(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		run(t, copyFrom(readerFunc(func(p []byte) (int, error) { return copy(p, "all"), io.EOF })).To(s.sink()), nil)
		s.wantPublished(t, "all")

		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			if n, err := in.Reader(ctx).Read(nil); n != 0 || err != nil {
				t.Errorf("Read(nil): %d, %v", n, err)
			}
			return pipeline.Enough
		})
		run(t, emitThen(nil).To(sink), nil)
		r := emit("x").Reader(t.Context())
		if n, err := r.Read(nil); n != 0 || err != nil {
			t.Errorf("Read(nil): %d, %v", n, err)
		}
		_ = r.Close()
	})
}

// S73
func TestReadersThatBreakTheirContract(t *testing.T) {
	for name, tt := range map[string]struct {
		read func([]byte) (int, error)
		want string
	}{
		"panics":   {func([]byte) (int, error) { panic("bang") }, "reader: panic: bang"},
		"too many": {func(p []byte) (int, error) { return len(p) + 1, nil }, "reader: pipeline_test.readerFunc: Read of 16384 bytes returned 16385"},
		"negative": {func([]byte) (int, error) { return -1, nil }, "reader: pipeline_test.readerFunc: Read of 16384 bytes returned -1"},
		"nothing":  {func([]byte) (int, error) { return 0, nil }, "reader: " + io.ErrNoProgress.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				if _, err := copyFrom(readerFunc(tt.read)).To(discard()).Run(t.Context()); err == nil || err.Error() != tt.want {
					t.Errorf("error %v, want %s", err, tt.want)
				}
			})
		})
	}
}

// S42, and the scenarios of io/pipe_test.go and io/multi_test.go (S72) that have
// a counterpart here: reads larger and smaller than a chunk, ReadFull across
// chunks, one byte at a time, a mix of Reader and Next, WriteTo, errors that stay.
func TestReadsOfAnySize(t *testing.T) {
	want := "abcdefghijklmnop"
	for _, size := range []int{1, 2, 3, 5, 16, 17, 1000} {
		bubble(t, func(t *testing.T) {
			var got []byte
			sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
				r := in.Reader(ctx)
				buf := make([]byte, size)
				for {
					n, err := io.ReadFull(r, buf)
					got = append(got, buf[:n]...)
					if err == io.EOF || err == io.ErrUnexpectedEOF {
						if _, again := r.Read(buf); again != io.EOF {
							t.Errorf("after EOF: %v", again)
						}
						return nil
					}
					if err != nil {
						return err
					}
				}
			})
			run(t, emit("a", "bcd", "efghijklm", "n", "op").To(sink), nil)
			if string(got) != want {
				t.Errorf("size %d: got %q", size, got)
			}
		})
	}
}

func TestReaderLeavesTheRest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got bytes.Buffer
		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			buf := make([]byte, 2)
			if _, err := io.ReadFull(in.Reader(ctx), buf); err != nil {
				return err
			}
			got.Write(buf)
			if in.Buffered() < 1 {
				t.Error("Buffered does not count what a Reader left")
			}
			c, err := in.Next(ctx)
			if err != nil {
				return err
			}
			got.Write(c.Bytes())
			c.Release()
			b, err := in.Reader(ctx).(io.ByteReader).ReadByte()
			if err != nil {
				return err
			}
			got.WriteByte(b)
			if _, err := io.Copy(&got, in.Reader(ctx)); err != nil {
				return err
			}
			return nil
		})
		run(t, emit("abcd", "efgh", "ij").To(sink), nil)
		if got.String() != "abcdefghij" {
			t.Errorf("got %q", got.String())
		}
		// What a Reader has begun and never finished is released with the node.
		peek := pipeline.NewSink("peek", func(ctx context.Context, in *pipeline.Inlet) error {
			if _, err := in.Reader(ctx).Read(make([]byte, 1)); err != nil {
				return err
			}
			return pipeline.Enough
		})
		run(t, emit("abcd").To(peek), nil)
	})
}

func TestWriter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := store{}
		large := strings.Repeat("y", 100<<10)
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			w := out.Writer(ctx)
			for range 5 {
				if _, err := io.WriteString(w, "ab"); err != nil {
					return err
				}
			}
			if err := w.Flush(); err != nil {
				return err
			}
			if err := w.Flush(); err != nil {
				return err
			}
			if n, err := io.WriteString(w, large); err != nil || n != len(large) {
				return errors.Join(err, errBoom)
			}
			if n, err := io.Copy(w, strings.NewReader("read")); n != 4 || err != nil {
				t.Errorf("Copy: %d, %v", n, err)
			}
			_, err := io.WriteString(w, "tail") // not flushed: nothing is lost
			return err
		})
		report := run(t, src.To(s.sink()), nil)
		s.wantPublished(t, "ababababab"+large+"readtail")
		if n := report.Channels[0].Chunks; n > 12 {
			t.Errorf("%d chunks: small writes were not packed", n)
		}
		// A failed node's packed bytes are dropped, not sent.
		f := store{}
		run(t, pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			_, _ = io.WriteString(out.Writer(ctx), "x")
			return errBoom
		}).To(f.sink()), errBoom)
		if len(f.got) != 0 {
			t.Errorf("got %q", f.got)
		}
		// After an error everything returns that error.
		run(t, pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			w := out.Writer(ctx)
			for {
				if _, err := io.WriteString(w, large); err != nil {
					if err != pipeline.ErrStopped || w.Flush() != err {
						t.Errorf("Write: %v, Flush: %v", err, w.Flush())
					}
					return err
				}
			}
		}).To(readN(1)), nil)
	})
}

// The stage of the design's second page, as it stands there.
func TestCodecInFiveStatements(t *testing.T) {
	level := 6
	zip := pipeline.NewStage("gzip", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		w := out.Writer(ctx)
		zw, err := gzip.NewWriterLevel(w, level)
		if err != nil {
			return err
		}
		if err := in.CopyTo(ctx, zw); err != nil {
			return err
		}
		if err := zw.Close(); err != nil {
			return err
		}
		return w.Flush()
	})
	unzip := pipeline.NewStage("gunzip", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		zr, err := gzip.NewReader(in.Reader(ctx))
		if err != nil {
			return err
		}
		return out.CopyFrom(ctx, struct{ io.Reader }{zr})
	})
	bubble(t, func(t *testing.T) {
		s := store{}
		data := strings.Repeat("line of a log file\n", 10000)
		run(t, copyFrom(strings.NewReader(data)).Via(zip).Via(unzip).To(s.sink()), nil)
		s.wantPublished(t, data)
		_, err := emit().Via(unzip).To(discard()).Run(t.Context())
		if wantNode(t, err, "gunzip"); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("error %v: an empty archive is not an empty file", err)
		}
	})
}

// S58
func TestOutputBeforeEOF(t *testing.T) {
	bubble(t, func(t *testing.T) {
		last := pipeline.NewStage("last", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
			n := 0
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return err
				}
				n += c.Len()
				c.Release()
			}
			_, err := fmt.Fprint(out.Writer(ctx), n)
			return err
		})
		s := store{}
		run(t, emit("abc", "def").Via(last).To(s.sink()), nil)
		s.wantPublished(t, "6")
	})
}

func TestChunksLoopGoesOnAfterAnError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var said any
		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			defer func() { said = recover() }()
			for c := range in.Chunks(ctx) {
				c.Release()
			}
			return nil
		})
		run(t, emitThen(errBoom, "x").To(sink), errBoom)
		if !strings.Contains(fmt.Sprint(said), "went on after the error") {
			t.Errorf("the loop ended with %v, want a panic", said)
		}
	})
}

func TestSourceReader(t *testing.T) {
	bubble(t, func(t *testing.T) {
		// EOF only after the whole run, its last steps included.
		published := false
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			out.AtEnd(func(context.Context, error) error { time.Sleep(time.Second); published = true; return nil })
			return out.Send(ctx, chunkOf("abc"))
		})
		r := src.Reader(t.Context())
		if b, err := io.ReadAll(r); string(b) != "abc" || err != nil || !published {
			t.Errorf("read %q, %v, published %v", b, err, published)
		}
		if _, err := r.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after EOF: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}

		// A failure is not an end, and stays.
		f := emitThen(errBoom, "abc").Reader(t.Context())
		b, err := io.ReadAll(f)
		if wantNode(t, err, "emit"); len(b) > 3 {
			t.Errorf("read %q", b)
		}
		if _, err := f.Read(make([]byte, 1)); !errors.Is(err, errBoom) {
			t.Errorf("again: %v", err)
		}
		if err := f.Close(); !errors.Is(err, errBoom) {
			t.Errorf("Close: %v", err)
		}

		// Close stops an endless source, also during a Read, and starts nothing.
		e := endless("x").Via(pass()).Reader(t.Context())
		if _, err := bufio.NewReader(e).Peek(10); err != nil {
			t.Error(err)
		}
		if err := errors.Join(e.Close(), e.Close()); err != nil {
			t.Error(err)
		}
		if _, err := e.Read(make([]byte, 1)); err != pipeline.ErrClosed {
			t.Errorf("after Close: %v", err)
		}
		silent := pipeline.NewSource("silent", func(ctx context.Context, _ *pipeline.Outlet) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		s := silent.Reader(t.Context())
		go func() { synctest.Wait(); _ = s.Close() }()
		if _, err := s.Read(make([]byte, 1)); err != pipeline.ErrClosed {
			t.Errorf("Read during Close: %v", err)
		}
		if err := endless("x").Reader(t.Context()).Close(); err != nil {
			t.Error(err)
		}

		// The end of the context is the error.
		ctx, cancel := context.WithCancelCause(t.Context())
		c := silent.Reader(ctx)
		go func() { synctest.Wait(); cancel(errCause) }()
		if _, err := c.Read(make([]byte, 1)); err != errCause {
			t.Errorf("cancelled: %v", err)
		}
	})
}

// What has come is read before the failure is.
func TestSourceReaderBytesThenFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		fail := make(chan struct{})
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			if err := out.Send(ctx, chunkOf("abc")); err != nil {
				return err
			}
			<-fail
			return errBoom
		})
		for _, read := range []bool{true, false} {
			fail = make(chan struct{})
			r := src.Reader(t.Context())
			b := make([]byte, 1)
			if _, err := r.Read(b); err != nil || b[0] != 'a' {
				t.Errorf("read %q, %v", b, err)
			}
			close(fail)
			synctest.Wait()
			if read {
				if b, err := io.ReadAll(r); string(b) != "bc" || !errors.Is(err, errBoom) {
					t.Errorf("then read %q, %v", b, err)
				}
			}
			if err := r.Close(); !errors.Is(err, errBoom) {
				t.Errorf("Close: %v", err)
			}
		}
	})
}

// What came before a failure is read, however soon the failure came; of a cancelled run nothing need be.
func TestSourceReaderAllBytesThenFailure(t *testing.T) {
	for range 100 {
		for name, src := range map[string]pipeline.Source{
			"source": emitThen(errBoom, "abc", "def"),
			"stage":  emit("abc", "def", "ghi").Via(failAt(2, errBoom)),
			"nested": pipeline.Concat(emit("abc"), emitThen(errBoom, "def")),
		} {
			bubble(t, func(t *testing.T) {
				r := src.Reader(t.Context())
				if b, err := io.ReadAll(r); string(b) != "abcdef" || !errors.Is(err, errBoom) {
					t.Errorf("%s: read %q, %v", name, b, err)
				}
				if err := r.Close(); !errors.Is(err, errBoom) {
					t.Errorf("%s: Close: %v", name, err)
				}
			})
		}
	}
	bubble(t, func(t *testing.T) { // Close does not wait for anybody to read
		r := emitThen(errBoom, "abc", "def").Reader(t.Context())
		if _, err := r.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if err := r.Close(); !errors.Is(err, errBoom) {
			t.Errorf("Close: %v", err)
		}
	})
}

// Chunks of the adapters grow while the consumer keeps up, and stay small for one
// that does not.
func TestChunksGrowWithTheConsumer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		largest := func(pause time.Duration, set func(*pipeline.Pipeline)) (most int) {
			zeros := io.LimitReader(readerFunc(func(p []byte) (int, error) { return len(p), nil }), 16<<20)
			sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
				for c, err := range in.Chunks(ctx) {
					if err != nil {
						return err
					}
					most = max(most, c.Len())
					c.Release()
					time.Sleep(pause)
				}
				return nil
			})
			p := copyFrom(zeros).To(sink)
			set(p)
			run(t, p, nil)
			return most
		}
		for _, tt := range []struct {
			name  string
			pause time.Duration
			set   func(*pipeline.Pipeline)
			want  int
		}{
			{"fast", 0, func(*pipeline.Pipeline) {}, 256 << 10},
			{"slow", 20 * time.Millisecond, func(*pipeline.Pipeline) {}, 64 << 10}, // the first chunk is taken at once
			{"small buffer", 0, func(p *pipeline.Pipeline) { p.Buffer = 64 << 10 }, 16 << 10},
			{"fixed", 0, func(p *pipeline.Pipeline) { p.ChunkSize = 1000 }, 1000},
		} {
			if got := largest(tt.pause, tt.set); got != tt.want {
				t.Errorf("%s: largest chunk %d, want %d", tt.name, got, tt.want)
			}
		}
	})
}

// The cause of a cancelled run is not taken for the end of the stream, nor for a close.
func TestSourceReaderCause(t *testing.T) {
	for cause, want := range map[error]error{io.EOF: io.ErrUnexpectedEOF, io.ErrClosedPipe: io.ErrClosedPipe, errCause: errCause} {
		bubble(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			r := pipeline.NewSource("source", func(ctx context.Context, _ *pipeline.Outlet) error {
				cancel(cause)
				<-ctx.Done()
				return ctx.Err()
			}).Reader(ctx)
			if n, err := r.Read(make([]byte, 1)); n != 0 || err != want {
				t.Errorf("Read: %d bytes, error %v, want %v", n, err, want)
			}
			if err := r.Close(); err != want {
				t.Errorf("Close: error %v, want %v", err, want)
			}
		})
	}
}
