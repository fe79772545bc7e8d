package pipetest_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
)

// recorder is a testing.TB that keeps what is reported to it.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// record returns what check reports.
func record(t *testing.T, check func(t testing.TB)) []string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, f := range slices.Backward(r.cleanups) {
				f()
			}
		}()
		check(r)
	}()
	<-done
	return r.failures
}

const impatient = 300 * time.Millisecond

// mutant is something broken and a word of how the kit must find it out.
type mutant struct {
	name  string
	check func(t testing.TB)
	want  string
	racy  bool // what is broken is a data race
}

func run(t *testing.T, mutants []mutant) {
	for _, m := range mutants {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			if m.racy && race {
				t.Skip("the race detector finds this one first")
			}
			failures := record(t, m.check)
			if len(failures) == 0 {
				t.Fatal("not caught")
			}
			if !strings.Contains(strings.Join(failures, "\n"), m.want) {
				t.Errorf("caught, but not for %q:\n%s", m.want, strings.Join(failures[:min(5, len(failures))], "\n"))
			}
		})
	}
}

// each returns a stage that does f with every chunk.
func each(f func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error) pipeline.Stage {
	return pipeline.NewStage("mutant", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			if err := f(ctx, c, out); err != nil {
				return err
			}
		}
		return nil
	})
}

func stageMutant(stage pipeline.Stage, o pipetest.StageOptions, cases ...pipetest.Case) func(t testing.TB) {
	return func(t testing.TB) {
		defer pipetest.SetPatience(impatient)()
		pipetest.TestStageWith(t, func() pipeline.Stage { return stage }, o, cases...)
	}
}

// slowlyBlocked is busy for a while, in which it looks at ctx, and then waits without.
func slowlyBlocked(ctx context.Context, release chan struct{}) error {
	for begin := time.Now(); time.Since(begin) < 5*time.Millisecond; {
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	<-release
	return nil
}

// scanning is a stage that reads lines with a bufio.Scanner, and does not look at its error.
func scanning(drains bool, longest int) pipeline.Stage {
	return pipeline.NewStage("mutant", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		w, r := out.Writer(ctx), in.Reader(ctx)
		scan := bufio.NewScanner(r)
		if longest > 0 {
			scan.Buffer(nil, longest)
		}
		for scan.Scan() {
			if _, err := fmt.Fprintf(w, "%s\n", scan.Bytes()); err != nil {
				return err
			}
		}
		if drains {
			if _, err := io.Copy(io.Discard, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestBrokenStagesAreCaught(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	text := pipetest.Case{In: []byte("some text that is long enough to be cut in a few pieces")}
	errBad := errors.New("bad")
	var state atomic.Int64
	pass := func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error { return out.Send(ctx, c) }

	run(t, []mutant{
		{name: "depends on cuts", want: "byte by byte", check: stageMutant(each(func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error {
			if err := out.Send(ctx, pipeline.ChunkOf([]byte("|"))); err != nil {
				c.Release()
				return err
			}
			return out.Send(ctx, c)
		}), pipetest.StageOptions{}, text)},
		{name: "forgets to release", want: "never released", check: stageMutant(each(func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error {
			return out.Send(ctx, pipeline.ChunkOf(bytes.Clone(c.Bytes())))
		}), pipetest.StageOptions{}, text)},
		{name: "releases twice", want: "released already", check: stageMutant(each(func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error {
			d := pipeline.ChunkOf(bytes.Clone(c.Bytes()))
			c.Release()
			c.Release()
			return out.Send(ctx, d)
		}), pipetest.StageOptions{}, text)},
		{name: "reads what it has sent", want: "node mutant sent already", check: stageMutant(each(func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error {
			if err := out.Send(ctx, c); err != nil {
				return err
			}
			_ = c.Bytes()
			return nil
		}), pipetest.StageOptions{}, text)},
		{name: "sends twice", want: "node mutant sent already", check: stageMutant(each(func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error {
			if err := out.Send(ctx, c); err != nil {
				return err
			}
			return out.Send(ctx, c)
		}), pipetest.StageOptions{}, text)},
		{name: "reads what it has released", want: "released already", check: stageMutant(each(func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error {
			c.Release()
			return out.Send(ctx, pipeline.ChunkOf(bytes.Clone(c.Bytes())))
		}), pipetest.StageOptions{}, text)},
		{name: "sends what it has released", want: "released", check: stageMutant(each(func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error {
			c.Release()
			return out.Send(ctx, c)
		}), pipetest.StageOptions{}, text), racy: true},
		{name: "adopts bytes and releases them", want: "differ at byte 0", check: stageMutant(each(func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error {
			d := pipeline.ChunkOf(c.Bytes())
			c.Release()
			return out.Send(ctx, d)
		}), pipetest.StageOptions{}, pipetest.Case{In: text.In, Out: text.In}), racy: true},
		{name: "writes to shared bytes", want: "shared chunk was written to", check: stageMutant(each(func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error {
			copy(c.Bytes(), bytes.ToUpper(c.Bytes()))
			return out.Send(ctx, c)
		}), pipetest.StageOptions{}, text), racy: true},
		{name: "writes after Send", want: "differ at byte", racy: true, check: stageMutant(
			pipeline.NewStage("mutant", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				buf := make([]byte, 16)
				for {
					n, err := in.Reader(ctx).Read(buf)
					if err == io.EOF {
						return nil
					}
					if err != nil {
						return err
					}
					if err := out.Send(ctx, pipeline.ChunkOf(buf[:n])); err != nil {
						return err
					}
				}
			}), pipetest.StageOptions{}, text)},
		{name: "leaks a goroutine", want: "goroutines are left", check: stageMutant(
			pipeline.NewStage("mutant", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				go func() { <-release }()
				return pipeline.Stage{}.Run(ctx, in, out)
			}), pipetest.StageOptions{}, text)},
		{name: "ignores ctx", want: "has not ended", check: stageMutant(
			pipeline.NewStage("mutant", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				err := pipeline.Stage{}.Run(ctx, in, out)
				if err != nil {
					<-release
				}
				return err
			}), pipetest.StageOptions{}, text)},
		{name: "forgets the rest at the end", want: "byte by byte", check: stageMutant(
			pipeline.NewStage("mutant", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				var block []byte
				for c, err := range in.Chunks(ctx) {
					if err != nil {
						return err
					}
					block = append(block, c.Bytes()...)
					c.Release()
					if len(block) >= 10 {
						if err := out.Send(ctx, pipeline.ChunkOf(block)); err != nil {
							return err
						}
						block = nil
					}
				}
				return nil
			}), pipetest.StageOptions{}, text)},
		{name: "returns the end as an error", want: "unexpected EOF", check: stageMutant(
			pipeline.NewStage("mutant", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				for {
					c, err := in.Next(ctx)
					if err != nil {
						return err
					}
					if err := out.Send(ctx, c); err != nil {
						return err
					}
				}
			}), pipetest.StageOptions{}, text)},
		{name: "emits what it rejects", want: "left it before it failed", check: stageMutant(each(func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error {
			if err := out.Send(ctx, c); err != nil {
				return err
			}
			return errBad
		}), pipetest.StageOptions{}, pipetest.Case{In: []byte("xyz"), Out: []byte{}, Err: errBad})},
		{name: "accepts what it should reject", want: "want bad", check: stageMutant(each(pass),
			pipetest.StageOptions{}, pipetest.Case{In: []byte("xyz"), Err: errBad})},
		{name: "keeps state between runs", want: "differ", check: stageMutant(each(func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error {
			c.Release()
			return out.Send(ctx, pipeline.ChunkOf(fmt.Append(nil, state.Add(1))))
		}), pipetest.StageOptions{}, pipetest.Case{In: []byte("x")})},
		{name: "ends early unsaid", want: "want the failure of upstream", check: stageMutant(
			pipeline.NewStage("mutant", func(context.Context, *pipeline.Inlet, *pipeline.Outlet) error { return pipeline.Enough }),
			pipetest.StageOptions{}, text)},
		{name: "returns nil before the end", want: "returned nil before the end of its input", check: stageMutant(
			pipeline.NewStage("mutant", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				_ = out.CopyFrom(ctx, io.LimitReader(in.Reader(ctx), 5))
				return nil
			}), pipetest.StageOptions{EndsEarly: true}, text)},
		{name: "forgets a scanner's error", want: "returned nil before the end of its input", check: stageMutant(
			pipeline.NewStage("mutant", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				w := out.Writer(ctx)
				for scan := bufio.NewScanner(in.Reader(ctx)); scan.Scan(); {
					if _, err := w.Write(scan.Bytes()); err != nil {
						return err
					}
				}
				return nil
			}), pipetest.StageOptions{}, pipetest.Case{In: make([]byte, 2*bufio.MaxScanTokenSize)})},
		{name: "scans and forgets the error", want: "returned nil before the end of its input", check: stageMutant(scanning(false, 0), pipetest.StageOptions{}, text)},
		{name: "scans, forgets the error and drains", want: "a line of 102400 bytes: what follows it", check: stageMutant(scanning(true, 0), pipetest.StageOptions{}, text)},
		{name: "scans up to 1 MiB and drains", want: "a line of 2097152 bytes: what follows it", check: stageMutant(scanning(true, 1<<20), pipetest.StageOptions{}, text)},
		{name: "is not single-use", want: "second run", check: stageMutant(each(pass), pipetest.StageOptions{SingleUse: true}, text)},
		{name: "passes on a size it does not keep", want: "with a promised size", check: stageMutant(
			pipeline.NewStage("mutant", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
				first := true
				for c, err := range in.Chunks(ctx) {
					if err != nil {
						return err
					}
					if size, known := in.Size(); first && known {
						out.SetSize(size)
					}
					first = false
					if err := out.Send(ctx, c.Slice(0, c.Len()/2)); err != nil {
						return err
					}
				}
				return nil
			}), pipetest.StageOptions{DependsOnCuts: false}, text)},
		{name: "panics when it is stopped", want: "want success", check: stageMutant(each(func(ctx context.Context, c pipeline.Chunk, out *pipeline.Outlet) error {
			if err := out.Send(ctx, c); errors.Is(err, pipeline.ErrStopped) {
				panic(err)
			} else if err != nil {
				return err
			}
			return nil
		}), pipetest.StageOptions{}, pipetest.Case{In: make([]byte, 100_000)})},
		{name: "gives the wrong bytes", want: "differ at byte 1", check: stageMutant(each(pass),
			pipetest.StageOptions{}, pipetest.Case{In: []byte("abc"), Out: []byte("aXc")})},
		{name: "emits where nothing is wanted", want: "want 0", check: stageMutant(each(pass),
			pipetest.StageOptions{}, pipetest.Case{In: []byte("abc"), Out: []byte{}})},
		{name: "fails the check", want: "not nice", check: stageMutant(each(pass),
			pipetest.StageOptions{}, pipetest.Case{In: []byte("abc"), Check: func([]byte) error { return errors.New("not nice") }})},
	})
}

func sourceMutant(want []byte, o pipetest.SourceOptions, f func(ctx context.Context, out *pipeline.Outlet) error) func(t testing.TB) {
	return func(t testing.TB) {
		defer pipetest.SetPatience(impatient)()
		pipetest.TestSourceWith(t, func() pipeline.Source { return pipeline.NewSource("mutant", f) }, o, want)
	}
}

func readerMutant(f func(ctx context.Context, r io.Reader, out *pipeline.Outlet) error) func(t testing.TB) {
	return func(t testing.TB) {
		pipetest.TestReaderSource(t, func(r io.Reader) pipeline.Source {
			return pipeline.NewSource("mutant", func(ctx context.Context, out *pipeline.Outlet) error { return f(ctx, r, out) })
		})
	}
}

func TestBrokenSourcesAreCaught(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	want := bytes.Repeat([]byte("weir "), 20)
	errBad := errors.New("bad")
	blocked := func() pipeline.Source {
		return pipeline.NewSource("blocked", func(context.Context, *pipeline.Outlet) error {
			<-release
			return nil
		})
	}
	once := bytes.NewReader(want)

	run(t, []mutant{
		{name: "aliases the read buffer", want: "differ at byte", racy: true, check: sourceMutant(want, pipetest.SourceOptions{},
			func(ctx context.Context, out *pipeline.Outlet) error {
				r, buf := bytes.NewReader(want), make([]byte, 7)
				for {
					n, err := r.Read(buf)
					if err == io.EOF {
						return nil
					}
					if err := out.Send(ctx, pipeline.ChunkOf(buf[:n])); err != nil {
						return err
					}
				}
			})},
		{name: "drops data returned with EOF", want: "DataErrReader", check: readerMutant(func(ctx context.Context, r io.Reader, out *pipeline.Outlet) error {
			for range 2000 {
				c := pipeline.NewChunk(4096)
				n, err := r.Read(c.Bytes())
				if err != nil {
					c.Release()
					if err == io.EOF {
						return nil
					}
					return err
				}
				if err := out.Send(ctx, c.Slice(0, n)); err != nil {
					return err
				}
			}
			return io.ErrNoProgress
		})},
		{name: "emits the whole buffer", want: "differ at byte", check: readerMutant(func(ctx context.Context, r io.Reader, out *pipeline.Outlet) error {
			for {
				c := pipeline.NewChunk(64)
				n, err := r.Read(c.Bytes())
				if n <= 0 || n > 64 {
					c.Release()
					n = 0
				} else if err := out.Send(ctx, c); err != nil {
					return err
				}
				if err == io.EOF {
					return nil
				}
				if n == 0 {
					return io.ErrNoProgress
				}
				if err != nil {
					return err
				}
			}
		})},
		{name: "takes a read error for the end", want: "want an error", check: readerMutant(func(ctx context.Context, r io.Reader, out *pipeline.Outlet) error {
			_ = out.CopyFrom(ctx, r)
			return nil
		})},
		{name: "leaks its reader", want: "goroutines are left", check: sourceMutant(want, pipetest.SourceOptions{},
			func(ctx context.Context, out *pipeline.Outlet) error {
				chunks := make(chan []byte)
				go func() {
					defer func() { <-release }()
					for _, b := range want {
						select {
						case chunks <- []byte{b}:
						case <-release:
						}
					}
				}()
				for range want {
					if err := out.Send(ctx, pipeline.ChunkOf(<-chunks)); err != nil {
						return err
					}
				}
				return nil
			})},
		{name: "goes on when it is stopped", want: "has not ended", check: sourceMutant(want, pipetest.SourceOptions{Endless: true},
			func(ctx context.Context, out *pipeline.Outlet) error {
				for {
					if err := out.Send(ctx, pipeline.ChunkOf(want)); err != nil {
						<-release
						return err
					}
				}
			})},
		{name: "is not endless", want: "unexpected EOF", check: sourceMutant(append(want, "more"...), pipetest.SourceOptions{Endless: true},
			func(ctx context.Context, out *pipeline.Outlet) error { return out.Send(ctx, pipeline.ChunkOf(want)) })},
		{name: "cannot be interrupted", want: "has not ended", check: sourceMutant(want, pipetest.SourceOptions{Blocked: blocked},
			func(ctx context.Context, out *pipeline.Outlet) error { return out.Send(ctx, pipeline.ChunkOf(want)) })},
		{name: "cannot be interrupted once it waits", want: "has not ended", check: sourceMutant(want, pipetest.SourceOptions{Blocked: func() pipeline.Source {
			return pipeline.NewSource("blocked", func(ctx context.Context, _ *pipeline.Outlet) error { return slowlyBlocked(ctx, release) })
		}}, func(ctx context.Context, out *pipeline.Outlet) error { return out.Send(ctx, pipeline.ChunkOf(want)) })},
		{name: "is single-use unsaid", want: "differ at byte 0", check: sourceMutant(want, pipetest.SourceOptions{},
			func(ctx context.Context, out *pipeline.Outlet) error { return out.CopyFrom(ctx, once) })},
		{name: "is not single-use", want: "second run", check: sourceMutant(want, pipetest.SourceOptions{SingleUse: true},
			func(ctx context.Context, out *pipeline.Outlet) error { return out.CopyFrom(ctx, bytes.NewReader(want)) })},
		{name: "emits rubbish before it fails", want: "not the beginning", check: sourceMutant(want, pipetest.SourceOptions{Err: errBad},
			func(ctx context.Context, out *pipeline.Outlet) error {
				for range 3 {
					if err := out.Send(ctx, pipeline.ChunkOf(make([]byte, 3))); err != nil {
						return err
					}
				}
				return errBad
			})},
		{name: "does not fail", want: "want bad", check: sourceMutant(want, pipetest.SourceOptions{Err: errBad},
			func(ctx context.Context, out *pipeline.Outlet) error { return out.Send(ctx, pipeline.ChunkOf(want)) })},
		{name: "breaks its promise of a size", want: "promised", check: sourceMutant(want, pipetest.SourceOptions{},
			func(ctx context.Context, out *pipeline.Outlet) error {
				out.SetSize(int64(len(want)) + 1)
				return out.Send(ctx, pipeline.ChunkOf(want))
			})},
		{name: "fails when nobody wants more", want: "want success", check: sourceMutant(want, pipetest.SourceOptions{},
			func(ctx context.Context, out *pipeline.Outlet) error {
				for _, b := range want {
					if err := out.Send(ctx, pipeline.ChunkOf([]byte{b})); err != nil {
						panic(err)
					}
				}
				return nil
			})},
	})
}

// place is where the broken sinks publish.
type place struct {
	mu   sync.Mutex
	data []byte
	ok   bool
	temp int // temporary files
}

func (p *place) publish(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.data, p.ok = append(p.data, b...), true
}

func (p *place) published() ([]byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.data), p.ok
}

func (p *place) create(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.temp += n
}

func (p *place) debris() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.temp > 0 {
		return fmt.Errorf("%d temporary files", p.temp)
	}
	return nil
}

func sinkMutant(o pipetest.SinkOptions, f func(ctx context.Context, in *pipeline.Inlet, p *place) error) func(t testing.TB) {
	return func(t testing.TB) {
		defer pipetest.SetPatience(impatient)()
		pipetest.TestSinkWith(t, func(testing.TB) pipetest.Target {
			var p place
			return pipetest.Target{
				Sink:      pipeline.NewSink("mutant", func(ctx context.Context, in *pipeline.Inlet) error { return f(ctx, in, &p) }),
				Published: p.published,
				Debris:    p.debris,
			}
		}, o)
	}
}

// receive returns the whole of in.
func receive(ctx context.Context, in *pipeline.Inlet) ([]byte, error) {
	var b bytes.Buffer
	err := in.CopyTo(ctx, &b)
	return b.Bytes(), err
}

func TestBrokenSinksAreCaught(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	// correct publishes like a good sink what get returns.
	correct := func(ctx context.Context, in *pipeline.Inlet, p *place, get func(context.Context, *pipeline.Inlet) ([]byte, error)) error {
		var b []byte
		in.AtEnd(func(_ context.Context, failed error) error {
			if failed == nil {
				p.publish(b)
			}
			return nil
		})
		var err error
		b, err = get(ctx, in)
		return err
	}
	var strict pipetest.SinkOptions

	run(t, []mutant{
		{name: "publishes in its run function", want: "before the last steps", check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			b, err := receive(ctx, in)
			if err == nil {
				p.publish(b)
			}
			return err
		})},
		{name: "takes a failure for the end", want: "are visible", check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			b, _ := receive(ctx, in)
			p.publish(b)
			return nil
		})},
		{name: "publishes what failed", want: "are visible", check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			var b []byte
			in.AtEnd(func(context.Context, error) error {
				p.publish(b)
				return nil
			})
			var err error
			b, err = receive(ctx, in)
			return err
		})},
		{name: "publishes twice", want: "differ", check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			var b []byte
			for range 2 {
				in.AtEnd(func(_ context.Context, failed error) error {
					if failed == nil {
						p.publish(b)
					}
					return nil
				})
			}
			var err error
			b, err = receive(ctx, in)
			return err
		})},
		{name: "publishes nothing of nothing", want: "nothing was published", check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			c, err := in.Next(ctx)
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			return correct(ctx, in, p, func(ctx context.Context, in *pipeline.Inlet) ([]byte, error) {
				first := bytes.Clone(c.Bytes())
				c.Release()
				rest, err := receive(ctx, in)
				return append(first, rest...), err
			})
		})},
		{name: "leaves debris", want: "left behind: 1 temporary files", check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			p.create(1)
			if err := correct(ctx, in, p, receive); err != nil {
				return err
			}
			in.AtEnd(func(context.Context, error) error { p.create(-1); return nil })
			return nil
		})},
		{name: "does not undo after its own success", want: "the last step of another node fails: left behind", check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			p.create(1)
			if err := correct(ctx, in, p, receive); err != nil {
				p.create(-1)
				return err
			}
			in.AtEnd(func(_ context.Context, failed error) error {
				if failed == nil {
					p.create(-1)
				}
				return nil
			})
			return nil
		})},
		{name: "cannot undo", want: "more than its cause", check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			in.AtEnd(func(_ context.Context, failed error) error {
				if failed != nil {
					return errors.New("cannot undo")
				}
				return nil
			})
			return correct(ctx, in, p, receive)
		})},
		{name: "forgets the last chunk", want: "differ", check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			return correct(ctx, in, p, func(ctx context.Context, in *pipeline.Inlet) (b []byte, err error) {
				var last []byte
				for c, err := range in.Chunks(ctx) {
					if err != nil {
						return nil, err
					}
					b = append(b, last...)
					last = bytes.Clone(c.Bytes())
					c.Release()
				}
				return b, nil
			})
		})},
		{name: "forgets to release", want: "never released", check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			return correct(ctx, in, p, func(ctx context.Context, in *pipeline.Inlet) (b []byte, err error) {
				for c, err := range in.Chunks(ctx) {
					if err != nil {
						return nil, err
					}
					b = append(b, c.Bytes()...)
				}
				return b, nil
			})
		})},
		{name: "releases twice", want: "released already", check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			return correct(ctx, in, p, func(ctx context.Context, in *pipeline.Inlet) (b []byte, err error) {
				for c, err := range in.Chunks(ctx) {
					if err != nil {
						return nil, err
					}
					b = append(b, c.Bytes()...)
					c.Release()
					c.Release()
				}
				return b, nil
			})
		})},
		{name: "keeps bytes past Release", want: "differ", racy: true, check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			return correct(ctx, in, p, func(ctx context.Context, in *pipeline.Inlet) (b []byte, err error) {
				var parts [][]byte
				for c, err := range in.Chunks(ctx) {
					if err != nil {
						return nil, err
					}
					parts = append(parts, c.Bytes())
					c.Release()
				}
				return bytes.Join(parts, nil), nil
			})
		})},
		{name: "writes to shared bytes", want: "shared chunk was written to", racy: true, check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			return correct(ctx, in, p, func(ctx context.Context, in *pipeline.Inlet) (b []byte, err error) {
				for c, err := range in.Chunks(ctx) {
					if err != nil {
						return nil, err
					}
					b = append(b, c.Bytes()...)
					clear(c.Bytes())
					c.Release()
				}
				return b, nil
			})
		})},
		{name: "leaks a goroutine", want: "goroutines are left", check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			go func() { <-release }()
			return correct(ctx, in, p, receive)
		})},
		{name: "cannot be interrupted", want: "has not ended", check: sinkMutant(pipetest.SinkOptions{Blocked: func() pipeline.Sink {
			return pipeline.NewSink("blocked", func(context.Context, *pipeline.Inlet) error { <-release; return nil })
		}}, func(ctx context.Context, in *pipeline.Inlet, p *place) error { return correct(ctx, in, p, receive) })},
		{name: "cannot be interrupted once it waits", want: "has not ended", check: sinkMutant(pipetest.SinkOptions{Blocked: func() pipeline.Sink {
			return pipeline.NewSink("blocked", func(ctx context.Context, _ *pipeline.Inlet) error { return slowlyBlocked(ctx, release) })
		}}, func(ctx context.Context, in *pipeline.Inlet, p *place) error { return correct(ctx, in, p, receive) })},
		{name: "ends early unsaid", want: "want the failure of upstream", check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			return correct(ctx, in, p, func(context.Context, *pipeline.Inlet) ([]byte, error) { return nil, pipeline.Enough })
		})},
		{name: "returns nil before the end", want: "returned nil before the end of its input", check: sinkMutant(strict, func(ctx context.Context, in *pipeline.Inlet, p *place) error {
			return correct(ctx, in, p, func(ctx context.Context, in *pipeline.Inlet) ([]byte, error) {
				c, err := in.Next(ctx)
				if err == io.EOF {
					return nil, nil
				}
				defer c.Release()
				return bytes.Clone(c.Bytes()), err
			})
		})},
		{name: "is not single-use", want: "second run", check: sinkMutant(pipetest.SinkOptions{SingleUse: true},
			func(ctx context.Context, in *pipeline.Inlet, p *place) error { return correct(ctx, in, p, receive) })},
		{name: "can be filled twice", want: "second run: it succeeded", check: sinkMutant(pipetest.SinkOptions{Once: true},
			func(ctx context.Context, in *pipeline.Inlet, p *place) error { return correct(ctx, in, p, receive) })},
		{name: "passes on rubbish", want: "not the beginning", check: sinkMutant(pipetest.SinkOptions{PassesOn: true},
			func(ctx context.Context, in *pipeline.Inlet, p *place) error {
				for c, err := range in.Chunks(ctx) {
					if err != nil {
						p.publish([]byte("!"))
						return err
					}
					p.publish(c.Bytes())
					c.Release()
				}
				return nil
			})},
	})
}

func writerMutant(f func(ctx context.Context, in *pipeline.Inlet, w io.Writer) error) func(t testing.TB) {
	return func(t testing.TB) {
		pipetest.TestWriterSink(t, func(w io.Writer) pipeline.Sink {
			return pipeline.NewSink("mutant", func(ctx context.Context, in *pipeline.Inlet) error { return f(ctx, in, w) })
		})
	}
}

func TestBrokenWriterSinksAreCaught(t *testing.T) {
	loop := func(write func(b []byte) error) func(ctx context.Context, in *pipeline.Inlet) error {
		return func(ctx context.Context, in *pipeline.Inlet) error {
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return err
				}
				err := write(c.Bytes())
				c.Release()
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	run(t, []mutant{
		{name: "ignores a short write", want: "without an error", check: writerMutant(func(ctx context.Context, in *pipeline.Inlet, w io.Writer) error {
			failed := false
			return loop(func(b []byte) error {
				if failed {
					return errors.New("enough of it")
				}
				n, err := w.Write(b)
				failed = n < len(b)
				return err
			})(ctx, in)
		})},
		{name: "writes after an error", want: "more writes after it", check: writerMutant(func(ctx context.Context, in *pipeline.Inlet, w io.Writer) error {
			return loop(func(b []byte) error {
				_, err := w.Write(b)
				if err != nil {
					_, _ = w.Write(b)
				}
				return err
			})(ctx, in)
		})},
		{name: "takes a write error for enough", want: "want an error", check: writerMutant(func(ctx context.Context, in *pipeline.Inlet, w io.Writer) error {
			if in.CopyTo(ctx, w) != nil {
				return pipeline.Enough
			}
			return nil
		})},
		{name: "drops a write error", want: "returned nil before the end of its input", check: writerMutant(func(ctx context.Context, in *pipeline.Inlet, w io.Writer) error {
			_ = in.CopyTo(ctx, w)
			return nil
		})},
		{name: "drops the last byte", want: "differ", check: writerMutant(func(ctx context.Context, in *pipeline.Inlet, w io.Writer) error {
			return loop(func(b []byte) error {
				_, err := w.Write(b[:len(b)-1])
				return err
			})(ctx, in)
		})},
	})
}
