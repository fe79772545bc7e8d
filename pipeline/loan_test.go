package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weirflow/weir/pipeline"
)

// conn stands for a writer with a descriptor; what FillFrom does is the test's.
type conn struct {
	inUse  atomic.Bool
	got    bytes.Buffer
	direct int64 // bytes that came through FillFrom
	fill   func(c *conn, r io.Reader) (int64, error)
}

var errShared = errors.New("a writer was used by two goroutines at once")

func (c *conn) Write(p []byte) (int, error) {
	if c.inUse.Swap(true) {
		return 0, errShared
	}
	defer c.inUse.Store(false)
	return c.got.Write(p)
}

func (c *conn) FillFrom(r io.Reader, n int64) (int64, error) {
	if c.inUse.Swap(true) {
		return 0, errShared
	}
	defer c.inUse.Store(false)
	n, err := c.fill(c, io.LimitReader(r, n))
	c.direct += n
	return n, err
}

func takeAll(c *conn, r io.Reader) (int64, error) { return c.got.ReadFrom(r) }

func dataFile(t *testing.T, n int) (*os.File, []byte) {
	t.Helper()
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i * 31 >> 3)
	}
	name := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, data
}

// Whatever FillFrom does, the bytes arrive as they do without it.
func TestDirect(t *testing.T) {
	calls := 0
	for name, tt := range map[string]struct {
		fill func(c *conn, r io.Reader) (int64, error)
		all  bool // everything but what was sent before the offer goes direct
	}{
		"all":     {takeAll, true},
		"nothing": {func(*conn, io.Reader) (int64, error) { return 0, nil }, false},
		"some, then nothing": {func(c *conn, r io.Reader) (int64, error) {
			if calls++; calls > 1 {
				return 0, nil
			}
			return c.got.ReadFrom(io.LimitReader(r, 1000))
		}, false},
		"short pieces": {func(c *conn, r io.Reader) (int64, error) { return c.got.ReadFrom(io.LimitReader(r, 70000)) }, true},
		"panic later": {func(c *conn, r io.Reader) (int64, error) {
			if calls++; calls == 3 {
				panic("bang")
			}
			return c.got.ReadFrom(io.LimitReader(r, 1000))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{0, 1, 4096, 9 << 20} {
				for _, limit := range []int64{-1, 0, 100, 5 << 20} {
					calls = 0
					f, data := dataFile(t, size)
					var r io.Reader = f
					if limit >= 0 {
						r = io.LimitReader(f, limit)
						data = data[:min(limit, int64(size))]
					}
					src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
						out.SetSize(int64(len(data)))
						return out.CopyFrom(ctx, r)
					})
					c := &conn{fill: tt.fill}
					report, err := src.To(copyTo(c)).Run(t.Context())
					if name == "panic later" && calls >= 3 {
						var p *pipeline.PanicError
						if !errors.As(err, &p) {
							t.Errorf("error %v", err)
						}
						continue
					}
					if err != nil || !bytes.Equal(c.got.Bytes(), data) {
						t.Fatalf("size %d, limit %d: %d bytes, error %v", size, limit, c.got.Len(), err)
					}
					e := report.Channels[0]
					if e.Bytes != int64(len(data)) || report.Nodes[0].Out != e.Bytes || report.Nodes[1].In != e.Bytes {
						t.Errorf("counted %+v %+v", e, report.Nodes)
					}
					if tt.all && len(data) > 4<<20 && c.direct < int64(len(data))-2<<20 {
						t.Errorf("limit %d: only %d of %d bytes went direct", limit, c.direct, len(data))
					}
				}
			}
		})
	}
}

// Bytes that FillFrom has read and not written are lost. Then the sink fails, and neither the source, which has
// less than it promised, nor nobody, because the source is at its end.
func TestDirectFails(t *testing.T) {
	loses := func(_ *conn, r io.Reader) (int64, error) {
		_, err := io.ReadFull(r, make([]byte, 10))
		return 0, errors.Join(err, errBoom)
	}
	sinks := map[string]func(ctx context.Context, in *pipeline.Inlet) error{
		"returned": func(ctx context.Context, in *pipeline.Inlet) error {
			return in.CopyTo(ctx, &conn{fill: loses})
		},
		"dropped": func(ctx context.Context, in *pipeline.Inlet) error {
			_ = in.CopyTo(ctx, &conn{fill: loses})
			return nil
		},
		"read on": func(ctx context.Context, in *pipeline.Inlet) error {
			_ = in.CopyTo(ctx, &conn{fill: loses})
			return in.CopyTo(ctx, &conn{fill: loses})
		},
		"nested": func(ctx context.Context, in *pipeline.Inlet) error {
			return copyTo(&conn{fill: loses}).Run(ctx, in)
		},
	}
	for name, run := range sinks {
		for _, promised := range []bool{false, true} {
			f, _ := dataFile(t, 10)
			src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
				if _, err := f.Seek(0, io.SeekStart); err != nil {
					return err
				}
				if promised {
					out.SetSize(10)
				}
				time.Sleep(time.Second) // the writer is on offer
				return out.CopyFrom(ctx, f)
			})
			published := false
			sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
				in.AtEnd(func(_ context.Context, failed error) error {
					published = failed == nil
					return nil
				})
				return run(ctx, in)
			})
			bubble(t, func(t *testing.T) {
				_, err := src.To(sink).Run(t.Context())
				var e *pipeline.Error
				if !errors.Is(err, errBoom) || !errors.As(err, &e) || e.Node == "source" || published {
					t.Errorf("%s, promised %v: error %v, published %v", name, promised, err, published)
				}
				report, err := src.To(pipeline.BestEffort(sink)).Run(t.Context())
				if err != nil || len(report.Detached) != 1 || !errors.Is(report.Detached[0], errBoom) || published {
					t.Errorf("%s, promised %v, best effort: error %v, detached %v, published %v", name, promised, err, report.Detached, published)
				}
			})
		}
	}
}

// A source that is to end early has its read interrupted. That is not the sink's failure.
func TestDirectInterrupted(t *testing.T) {
	for _, interrupted := range []error{os.ErrDeadlineExceeded, os.ErrClosed} {
		f, _ := dataFile(t, 100)
		bubble(t, func(t *testing.T) {
			stop, end := context.WithCancelCause(t.Context())
			c := &conn{fill: func(c *conn, r io.Reader) (int64, error) {
				n, _ := c.got.ReadFrom(io.LimitReader(r, 10))
				end(pipeline.ErrStopped)
				synctest.Wait()
				return n, interrupted
			}}
			src := pipeline.NewSource("until", func(ctx context.Context, out *pipeline.Outlet) error {
				time.Sleep(time.Second) // the writer is on offer
				return copyFrom(f).Run(stop, out)
			})
			if _, err := src.To(copyTo(c)).Run(t.Context()); err != nil || c.got.Len() != 10 {
				t.Errorf("%d bytes, error %v", c.got.Len(), err)
			}
		})
	}
}

// What is longer than promised fails as it does with chunks.
func TestDirectLongerThanPromised(t *testing.T) {
	f, _ := dataFile(t, 1<<20)
	src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
		out.SetSize(1 << 19)
		return out.CopyFrom(ctx, f)
	})
	c := &conn{fill: takeAll}
	_, err := src.To(copyTo(c)).Run(t.Context())
	if wantNode(t, err, "source"); !errors.Is(err, io.ErrUnexpectedEOF) || c.got.Len() > 1<<19 {
		t.Errorf("error %v, %d bytes", err, c.got.Len())
	}
}

// Several sources share the channel: never two write at once, nothing is lost.
func TestDirectWithMerge(t *testing.T) {
	f, a := dataFile(t, 300<<10)
	g, b := dataFile(t, 200<<10)
	other := bytes.Repeat([]byte("x"), 100<<10)
	c := &conn{fill: takeAll}
	if _, err := pipeline.Merge(copyFrom(f), copyFrom(g), copyFrom(bytes.NewReader(other))).To(copyTo(c)).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, want := c.got.Bytes(), slices.Concat(a, b, other)
	slices.Sort(got)
	slices.Sort(want)
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d", len(got), len(want))
	}
}

// While the writer is lent, what others send over the channel waits; and of two
// goroutines that copy from one inlet each uses its own writer only.
func TestDirectWriterIsNeverShared(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f, a := dataFile(t, 3<<20)
		lent := make(chan struct{}, 100)
		slowly := func(c *conn, r io.Reader) (int64, error) {
			select {
			case lent <- struct{}{}:
			default:
			}
			time.Sleep(time.Second) // all others wait
			return c.got.ReadFrom(io.LimitReader(r, 100<<10))
		}
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			g, gctx := errgroup.WithContext(ctx)
			g.Go(func() error { return out.CopyFrom(gctx, f) })
			g.Go(func() error {
				for range 10 {
					<-lent
					if err := out.Send(gctx, chunkOf("between")); err != nil {
						return err
					}
				}
				return nil
			})
			return g.Wait()
		})
		for _, writers := range []int{1, 2} {
			conns := []*conn{{fill: slowly}, {fill: slowly}}[:writers]
			sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
				g, gctx := errgroup.WithContext(ctx)
				for _, c := range conns {
					g.Go(func() error { return in.CopyTo(gctx, c) })
				}
				return g.Wait()
			})
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if _, err := src.To(sink).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			total := 0
			for _, c := range conns {
				total += c.got.Len()
			}
			if want := len(a) + 10*len("between"); total != want {
				t.Errorf("%d writers: %d bytes, want %d", writers, total, want)
			}
		}
	})
}

// A cancelled sink does not get its writer back while the producer still uses it.
func TestDirectCancelWhileLent(t *testing.T) {
	f, _ := dataFile(t, 20<<20)
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		using := false
		c := &conn{fill: func(c *conn, r io.Reader) (int64, error) {
			using = true
			cancel(errCause)
			synctest.Wait() // the sink has seen it, and must not go on
			n, err := c.got.ReadFrom(io.LimitReader(r, 1000))
			using = false
			return n, err
		}}
		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			err := in.CopyTo(ctx, c)
			if using {
				t.Error("CopyTo returned while the writer was lent")
			}
			return err
		})
		if _, err := copyFrom(f).To(sink).Run(ctx); err != errCause {
			t.Errorf("error %v", err)
		}
		if c.direct == 0 {
			t.Error("the writer was not lent")
		}
	})
}

// kernelFile is a file that the kernel fills.
type kernelFile struct{ *os.File }

func (f kernelFile) FillFrom(r io.Reader, n int64) (int64, error) {
	return f.ReadFrom(io.LimitReader(r, n))
}

// Real files; through a stage too, where nothing is direct.
func TestDirectRealFiles(t *testing.T) {
	for _, stage := range []pipeline.Stage{{}, pass()} {
		f, data := dataFile(t, 30<<20)
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		report, err := copyFrom(f).Via(stage).To(copyTo(kernelFile{out})).Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(out.Name())
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes, error %v", len(got), err)
		}
		t.Logf("%d chunks for %d bytes", report.Channels[0].Chunks, report.Channels[0].Bytes)
		_ = out.Close()
	}
}

// held is a writer of which a Write waits, and that notices when FillFrom comes meanwhile.
type held struct {
	*conn
	release chan struct{}
	writing atomic.Bool
	shared  atomic.Bool
}

func (h *held) Write(p []byte) (int, error) {
	h.writing.Store(true)
	defer h.writing.Store(false)
	<-h.release
	return h.conn.Write(p)
}

func (h *held) FillFrom(r io.Reader, n int64) (int64, error) {
	if h.writing.Load() {
		h.shared.Store(true)
	}
	return h.conn.FillFrom(r, n)
}

// Of two goroutines that copy from one inlet, one has its writer filled by the kernel: the other's may be in use
// when the first one waits.
func TestDirectOfTwoWriters(t *testing.T) {
	file, data := dataFile(t, 100_000)
	first := &conn{fill: takeAll}
	second := &held{conn: &conn{fill: takeAll}, release: make(chan struct{})}
	bubble(t, func(t *testing.T) {
		second.release = make(chan struct{})
		src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
			for range 3 { // to the first, to the second, which is held up by it, and to the first again
				time.Sleep(time.Minute) // all others wait
				if err := out.Send(ctx, pipeline.ChunkOf([]byte("x"))); err != nil {
					return err
				}
			}
			time.Sleep(time.Minute)
			if !second.writing.Load() {
				t.Error("the second writer is not at work")
			}
			return out.CopyFrom(ctx, file)
		})
		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			var g errgroup.Group
			g.Go(func() error { return in.CopyTo(ctx, first) })
			time.Sleep(time.Second)
			g.Go(func() error { return in.CopyTo(ctx, second) })
			g.Go(func() error {
				time.Sleep(time.Hour)
				close(second.release)
				return nil
			})
			return g.Wait()
		})
		if _, err := src.To(sink).Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if second.shared.Load() {
		t.Error("the writer was filled while it was written to")
	}
	if n := first.got.Len() + second.got.Len(); n != len(data)+3 {
		t.Errorf("%d bytes arrived, want %d", n, len(data)+3)
	}
}

// A sink that stops waiting gets its writer back after the call under way, however fast the producer is.
func TestDirectProducerLeavesTheWriter(t *testing.T) {
	f, _ := dataFile(t, 2<<20) // more than fits into the channel before the sink has begun
	bubble(t, func(t *testing.T) {
		after := -1 // calls after the end of the sink's context; -1: it has not ended
		sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
			ctx, cancel := context.WithCancel(ctx)
			c := &conn{fill: func(*conn, io.Reader) (int64, error) { // as from a stream without an end
				if after++; after == 0 {
					cancel()
					synctest.Wait() // the sink has seen it
				}
				return min(1, int64(max(0, 1000-after))), nil
			}}
			if err := in.CopyTo(ctx, c); !errors.Is(err, context.Canceled) {
				t.Errorf("CopyTo: error %v", err)
			}
			return pipeline.Enough
		})
		if _, err := copyFrom(f).To(sink).Run(t.Context()); err != nil {
			t.Error(err)
		}
		if after != 0 {
			t.Errorf("the writer was lent %d times after the sink's context had ended", after)
		}
	})
}
