package pipeline_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirflow/weir/pipeline"
)

// quoting is a sink that keeps the lines of its stream.
func quoting(limit int, got *[]string) pipeline.Sink {
	return pipeline.NewSink("lines", func(ctx context.Context, in *pipeline.Inlet) error {
		*got = nil
		for line, err := range in.LinesMax(ctx, limit) {
			if err != nil {
				return err
			}
			if len(line) != cap(line) && len(line) < limit { // an append must not reach the next line
				*got = append(*got, fmt.Sprintf("capacity %d of %q", cap(line), line))
				continue
			}
			*got = append(*got, string(line))
		}
		return nil
	})
}

// Whatever is in the stream and however it is cut, the lines are those between the line feeds.
func TestLines(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, test := range []struct {
		name, in string
		want     []string
	}{
		{"nothing", "", nil},
		{"one", "a\n", []string{"a"}},
		{"no final line feed", "a\nb", []string{"a", "b"}},
		{"empty lines", "\n\na\n\n", []string{"", "", "a", ""}},
		{"CRLF", "a\r\n\r\nb\r", []string{"a\r", "\r", "b\r"}},
		{"longer than a chunk", long + "\n" + long, []string{long, long}},
	} {
		for _, size := range []int{1, 2, 3, 5, 4096, 1 << 20} {
			if size == 1 && len(test.in) > 1000 {
				continue
			}
			var chunks []string
			for rest := test.in; rest != ""; {
				n := min(size, len(rest))
				chunks = append(chunks, rest[:n])
				rest = rest[n:]
			}
			var got []string
			sink := pipeline.NewSink("lines", func(ctx context.Context, in *pipeline.Inlet) error {
				for line, err := range in.Lines(ctx) {
					if err != nil {
						return err
					}
					got = append(got, string(line))
				}
				return nil
			})
			if _, err := emit(chunks...).To(sink).Run(t.Context()); err != nil {
				t.Errorf("%s in chunks of %d: %v", test.name, size, err)
			}
			if fmt.Sprint(len(got), got) != fmt.Sprint(len(test.want), test.want) {
				t.Errorf("%s in chunks of %d: got %.100q, want %.100q", test.name, size, got, test.want)
			}
		}
	}
}

func TestLinesTooLong(t *testing.T) {
	mib := strings.Repeat("x", 1<<20)
	for _, test := range []struct {
		limit  int
		chunks []string
		lines  int
		want   string
	}{
		{3, []string{"abc\nabc", "\nabc"}, 3, ""},
		{3, []string{"abc\nabcd\n"}, 1, "lines: line too long: line 2 has more than 3 bytes"},
		{3, []string{"a", "bc", "d"}, 0, "lines: line too long: line 1 has more than 3 bytes"},
		{3, []string{"ab", "cd\n"}, 0, "lines: line too long: line 1 has more than 3 bytes"},
		{1 << 20, []string{mib, "\n", mib}, 2, ""},
		{1 << 20, []string{mib, "\n", mib, "x"}, 1, "lines: line too long: line 2 has more than 1048576 bytes"},
		{0, []string{"\n"}, 0, "lines: lines of at most 0 bytes: want 1 or more"},
	} {
		var got []string
		_, err := emit(test.chunks...).To(quoting(test.limit, &got)).Run(t.Context())
		switch {
		case test.want == "" && err != nil, test.want != "" && (err == nil || err.Error() != test.want):
			t.Errorf("error %v, want %s", err, test.want)
		case strings.Contains(test.want, "too long") != errors.Is(err, pipeline.ErrLineTooLong):
			t.Errorf("%v: the wrong type", err)
		case len(got) != test.lines:
			t.Errorf("%d lines, want %d: %.100q", len(got), test.lines, got)
		}
	}
	var got []string
	if _, err := emit(mib + "x").To(pipeline.NewSink("lines", func(ctx context.Context, in *pipeline.Inlet) error {
		for _, err := range in.Lines(ctx) {
			if err != nil {
				return err
			}
		}
		return nil
	})).Run(t.Context()); !errors.Is(err, pipeline.ErrLineTooLong) {
		t.Errorf("Lines of more than 1 MiB: %v, %d lines", err, len(got))
	}
}

// Lines is what splits, wherever the chunks are cut and wherever the loop is left and entered again.
func TestLinesAnyCuts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching(`([ab]{0,4}\r?\n?){0,10}`).Draw(rt, "text")
		var chunks []string
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(rt, "n")
			chunks = append(chunks, rest[:n])
			rest = rest[n:]
		}
		leave := rapid.IntRange(1, 5).Draw(rt, "leave")
		var got []string
		sink := pipeline.NewSink("lines", func(ctx context.Context, in *pipeline.Inlet) error {
			for {
				n := 0
				for line, err := range in.Lines(ctx) {
					if err != nil {
						return err
					}
					got = append(got, string(line))
					if n++; n == leave {
						break
					}
				}
				if n < leave {
					return nil
				}
			}
		})
		if _, err := emit(chunks...).To(sink).Run(t.Context()); err != nil {
			rt.Fatal(err)
		}
		want := strings.Split(text, "\n")
		if want[len(want)-1] == "" {
			want = want[:len(want)-1]
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", append([]string(nil), want...)) {
			rt.Errorf("got %q, want %q", got, want)
		}
	})
}

// After a break the rest of the stream is there for every other way to receive.
func TestLinesThenTheRest(t *testing.T) {
	for _, how := range []struct {
		name string
		rest func(ctx context.Context, in *pipeline.Inlet) (string, error)
	}{
		{"Next", func(ctx context.Context, in *pipeline.Inlet) (string, error) {
			var s string
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return s, err
				}
				s += string(c.Bytes())
				c.Release()
			}
			return s, nil
		}},
		{"Reader", func(ctx context.Context, in *pipeline.Inlet) (string, error) {
			b, err := io.ReadAll(in.Reader(ctx))
			return string(b), err
		}},
	} {
		for _, chunks := range [][]string{{"head\nbody\nend"}, {"he", "ad\nbo", "dy\nend"}, {"head\n", "body\nend"}} {
			var first, rest string
			sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) (err error) {
				for line, err := range in.Lines(ctx) {
					if err != nil {
						return err
					}
					first = string(line)
					break
				}
				rest, err = how.rest(ctx, in)
				return err
			})
			if _, err := emit(chunks...).To(sink).Run(t.Context()); err != nil || first != "head" || rest != "body\nend" {
				t.Errorf("%s of %q: %q, %q, %v", how.name, chunks, first, rest, err)
			}
		}
	}
}

// A loop that is left without an error has not read its input, and one that goes on after an error is a defect.
func TestLinesMisused(t *testing.T) {
	left := pipeline.NewSink("left", func(ctx context.Context, in *pipeline.Inlet) error {
		for range in.Lines(ctx) {
			break
		}
		return nil
	})
	if _, err := emit("a\nb\n").To(left).Run(t.Context()); !errors.Is(err, pipeline.ErrInputLeft) {
		t.Errorf("left: %v", err)
	}
	goesOn := pipeline.NewSink("goes on", func(ctx context.Context, in *pipeline.Inlet) error {
		for range in.LinesMax(ctx, 1) { //nolint:revive // the error is not looked at
		}
		return nil
	})
	var p *pipeline.PanicError
	if _, err := emit("too long\n").To(goesOn).Run(t.Context()); !errors.As(err, &p) {
		t.Errorf("goes on: %v", err)
	}
	bang := pipeline.NewSink("bang", func(ctx context.Context, in *pipeline.Inlet) error {
		for range in.Lines(ctx) {
			panic("bang")
		}
		return nil
	})
	if _, err := emit("a\nb\n").To(bang).Run(t.Context()); !errors.As(err, &p) || p.Value != "bang" {
		t.Errorf("bang: %v", err)
	}
}

// A failure of the source is the loop's last error, behind the lines that came before.
func TestLinesOfAFailedSource(t *testing.T) {
	var got []string
	_, err := emitThen(errBoom, "a\nb\nc").To(quoting(100, &got)).Run(t.Context())
	if wantNode(t, err, "emit"); !errors.Is(err, errBoom) {
		t.Errorf("error %v", err)
	}
	if strings.Contains(strings.Join(got, " "), "c") {
		t.Errorf("the cut line was yielded: %q", got)
	}
}

func TestLinesAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	chunk := bytes.Repeat([]byte("a line of some length\n"), 1000)
	allocs := func(chunks int) float64 {
		return testing.AllocsPerRun(5, func() {
			src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
				for range chunks {
					c := pipeline.NewChunk(len(chunk))
					copy(c.Bytes(), chunk)
					if err := out.Send(ctx, c); err != nil {
						return err
					}
				}
				return nil
			})
			sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) error {
				for _, err := range in.Lines(ctx) {
					if err != nil {
						return err
					}
				}
				return nil
			})
			if _, err := src.To(sink).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := allocs(10), allocs(110)
	if perLine := (many - few) / 100_000; perLine > 0.01 {
		t.Errorf("%v allocations a line", perLine)
	}
}

// BenchmarkLines counts lines of 80 bytes, with a bufio.Scanner for comparison.
func BenchmarkLines(b *testing.B) {
	chunk := bytes.Repeat([]byte(strings.Repeat("x", 79)+"\n"), 800)
	for _, way := range []struct {
		name  string
		count func(ctx context.Context, in *pipeline.Inlet) (int, error)
	}{
		{"Lines", func(ctx context.Context, in *pipeline.Inlet) (n int, err error) {
			for _, err := range in.Lines(ctx) {
				if err != nil {
					return n, err
				}
				n++
			}
			return n, nil
		}},
		{"bufio.Scanner", func(ctx context.Context, in *pipeline.Inlet) (n int, err error) {
			s := bufio.NewScanner(in.Reader(ctx))
			for s.Scan() {
				n++
			}
			return n, s.Err()
		}},
		{"Chunks", func(ctx context.Context, in *pipeline.Inlet) (n int, err error) { // the least there is: bytes.Count
			for c, err := range in.Chunks(ctx) {
				if err != nil {
					return n, err
				}
				n += bytes.Count(c.Bytes(), []byte("\n"))
				c.Release()
			}
			return n, nil
		}},
	} {
		b.Run("by="+way.name, func(b *testing.B) {
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			sent := 0
			src := pipeline.NewSource("source", func(ctx context.Context, out *pipeline.Outlet) error {
				for b.Loop() {
					sent++
					c := pipeline.NewChunk(len(chunk))
					copy(c.Bytes(), chunk)
					if err := out.Send(ctx, c); err != nil {
						return err
					}
				}
				return nil
			})
			var got int
			sink := pipeline.NewSink("sink", func(ctx context.Context, in *pipeline.Inlet) (err error) {
				got, err = way.count(ctx, in)
				return err
			})
			if _, err := src.To(sink).Run(context.Background()); err != nil || got != 800*sent {
				b.Fatal(got, sent, err)
			}
		})
	}
}
