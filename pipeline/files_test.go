package pipeline_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// files counts how often it is asked which file a node uses.
type files struct{ asked atomic.Int32 }

func (f *files) is(name string) func() any {
	return func() any {
		f.asked.Add(1)
		if name == "" {
			return nil
		}
		return name
	}
}

// reader and writer note whether they have started.
func (f *files) reader(name string, started *atomic.Bool) pipeline.Source {
	return pipeline.NewSource("r-"+name, func(ctx context.Context, out *pipeline.Outlet) error {
		started.Store(true)
		return out.Send(ctx, chunkOf("x"))
	}).Reads(f.is(name))
}

func (f *files) writer(name string, inPlace bool, started *atomic.Bool) pipeline.Sink {
	return pipeline.NewSink("w-"+name, func(ctx context.Context, in *pipeline.Inlet) error {
		started.Store(true)
		_, err := readAllOf(ctx, in)
		return err
	}).Writes(inPlace, f.is(name))
}

func readAllOf(ctx context.Context, in *pipeline.Inlet) (n int, err error) {
	for c, err := range in.Chunks(ctx) {
		if err != nil {
			return n, err
		}
		n += c.Len()
		c.Release()
	}
	return n, nil
}

// A run that would damage a file of its own fails before any node starts.
func TestOneFileTwice(t *testing.T) {
	const inPlace, whole = true, false
	var f files
	var started atomic.Bool
	r := func(name string) pipeline.Source { return f.reader(name, &started) }
	w := func(name string, in bool) pipeline.Sink { return f.writer(name, in, &started) }
	until := func(s pipeline.Source) pipeline.Source {
		return pipeline.NewSource("until", func(ctx context.Context, out *pipeline.Outlet) error { return s.Run(ctx, out) }, s)
	}
	for what, tt := range map[string]struct {
		source pipeline.Source
		sink   pipeline.Sink
		node   string // that must not be; "": the run is right
		other  string
		writes bool
	}{
		"other files":               {r("a"), w("b", inPlace), "", "", false},
		"replaced":                  {r("a"), w("a", whole), "", "", false},
		"in place":                  {r("a"), w("a", inPlace), "w-a", "r-a", false},
		"no file":                   {r(""), w("", inPlace), "", "", false},
		"no files twice":            {r("a"), pipeline.Tee(w("", inPlace), w("", inPlace)), "", "", false},
		"behind stages":             {r("a").Via(pass()), pass().To(w("a", inPlace)), "w-a", "r-a", false},
		"second source":             {pipeline.Concat(r("b"), r("a")), w("a", inPlace), "w-a", "r-a", false},
		"merged":                    {pipeline.Merge(r("b"), r("a").Via(pass())), w("a", inPlace), "w-a", "r-a", false},
		"inside two":                {pipeline.Concat(r("b"), pipeline.Merge(r("c"), r("a"))), w("a", inPlace), "w-a", "r-a", false},
		"inside a wrapper":          {pipeline.Concat(r("b"), until(r("a"))), w("a", inPlace), "w-a", "r-a", false},
		"read twice":                {pipeline.Concat(r("a"), r("a")), w("a", whole), "", "", false},
		"a branch":                  {r("a"), pipeline.Tee(w("b", whole), w("a", inPlace)), "w-a", "r-a", false},
		"a branch that may fail":    {r("a"), pipeline.Tee(w("b", whole), pipeline.BestEffort(w("a", inPlace))), "w-a", "r-a", false},
		"a branch in a branch":      {r("a"), pipeline.Tee(w("b", whole), pass().To(pipeline.Tee(w("c", whole), pass().To(w("a", inPlace))))), "w-a", "r-a", false},
		"replaced by a branch":      {r("a"), pipeline.Tee(w("b", whole), w("a", whole)), "", "", false},
		"two branches":              {r("a"), pipeline.Tee(w("b", whole), w("b", whole)), "w-b", "w-b", true},
		"two kinds of branches":     {r("a"), pipeline.Tee(w("b", whole), w("b", inPlace)), "w-b", "w-b", true},
		"two in place":              {r("a"), pipeline.Tee(w("b", inPlace), pass().To(w("b", inPlace))), "w-b", "w-b", true},
		"the same branch, twice":    {r("a"), func() pipeline.Sink { b := w("b", whole); return pipeline.Tee(b, b) }(), "w-b", "w-b", true},
		"one of three":              {r("a"), pipeline.Tee(w("b", whole), w("c", whole), w("b", whole)), "w-b", "w-b", true},
		"and none of the others is": {r("a"), pipeline.Tee(w("b", whole), w("c", whole), w("d", inPlace)), "", "", false},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				started.Store(false)
				_, err := tt.source.To(tt.sink).Run(t.Context())
				if tt.node == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				e, ok := errors.AsType[*pipeline.SameFileError](err)
				if !ok || e.Other != tt.other || e.Writes != tt.writes {
					t.Fatalf("got %v, want that it is %s, writes=%t", err, tt.other, tt.writes)
				}
				wantNode(t, err, tt.node)
				if started.Load() {
					t.Error("a node has started")
				}
			})
		})
	}
}

// A run that replaces one file does not ask which files it uses.
func TestFilesAreNotLookedAtForNothing(t *testing.T) {
	for what, want := range map[string]int32{"replaces": 0, "in place": 2, "two": 2} {
		bubble(t, func(t *testing.T) {
			var f files
			var started atomic.Bool
			var sink pipeline.Sink
			switch what {
			case "replaces":
				sink = f.writer("a", false, &started)
			case "in place":
				sink = f.writer("a", true, &started)
			case "two":
				sink = pipeline.Tee(f.writer("a", false, &started), f.writer("b", false, &started))
			}
			run(t, f.reader("source", &started).To(sink), nil)
			if got := f.asked.Load(); got != want {
				t.Errorf("%s: asked %d times, want %d", what, got, want)
			}
		})
	}
}

// What a node runs inside itself, and did not say before, is found when it starts.
func TestOneFileTwiceInside(t *testing.T) {
	var f files
	var started atomic.Bool
	hiddenReader := pipeline.NewSource("hidden", func(ctx context.Context, out *pipeline.Outlet) error {
		return f.reader("a", &started).Run(ctx, out)
	})
	hiddenWriter := pipeline.NewSink("hidden", func(ctx context.Context, in *pipeline.Inlet) error {
		return f.writer("a", true, &started).Run(ctx, in)
	})
	var elsewhere atomic.Bool
	for what, p := range map[string]*pipeline.Pipeline{
		"reader": hiddenReader.To(f.writer("a", true, &elsewhere)),
		"writer": f.reader("a", &elsewhere).To(hiddenWriter),
		"second": pipeline.Concat(f.reader("b", &elsewhere), hiddenReader).To(f.writer("a", true, &elsewhere)),
		"branch": emit("x").To(pipeline.Tee(f.writer("a", false, &elsewhere), hiddenWriter)),
	} {
		bubble(t, func(t *testing.T) {
			started.Store(false)
			_, err := p.Run(t.Context())
			if _, ok := errors.AsType[*pipeline.SameFileError](err); !ok || started.Load() {
				t.Errorf("%s: got %v, the node has started: %t", what, err, started.Load())
			}
		})
	}
}

// A node may use its own file through one that it runs inside itself, and one after the other may use the same.
func TestOneFileThroughAnotherNode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var f files
		var started atomic.Bool
		outer := pipeline.NewSink("outer", func(ctx context.Context, in *pipeline.Inlet) error {
			return pipeline.NewSink("middle", func(ctx context.Context, in *pipeline.Inlet) error {
				return f.writer("a", true, &started).Run(ctx, in)
			}).Writes(false, f.is("a")).Run(ctx, in)
		}).Writes(false, f.is("a"))
		run(t, f.reader("b", &started).To(outer), nil)

		again := pipeline.NewSink("again", func(ctx context.Context, in *pipeline.Inlet) error {
			for range 2 {
				once := pipeline.NewSink("once", func(ctx context.Context, in *pipeline.Inlet) error {
					c, err := in.Next(ctx)
					c.Release()
					if err != nil {
						return err
					}
					return pipeline.Enough
				}).Writes(true, f.is("a"))
				if err := once.Run(ctx, in); err != nil {
					return err
				}
			}
			return pipeline.Enough
		})
		run(t, emit("x", "y", "z").To(again), nil)
	})
}
