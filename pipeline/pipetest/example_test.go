package pipetest_test

import (
	"context"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
)

// upper turns ASCII letters to upper case, in place. (bytes.ToUpper would not do for a
// stage: what it makes of a rune depends on whether a cut goes through it.)
func upper(b []byte) []byte {
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return b
}

// Upper returns the stage under test.
func Upper() pipeline.Stage {
	return pipeline.NewStage("upper", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		for c, err := range in.Chunks(ctx) {
			if err != nil {
				return err
			}
			c = c.Mutable()
			upper(c.Bytes())
			if err := out.Send(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

func ExampleTestStage() {
	_ = func(t *testing.T) { // func TestUpper(t *testing.T)
		pipetest.NoLeaks(t)
		pipetest.TestStage(t, Upper,
			pipetest.Case{Name: "nothing", Out: []byte{}},
			pipetest.Case{Name: "a word", In: []byte("weir"), Out: []byte("WEIR")},
			pipetest.Case{Name: "any bytes", In: make([]byte, 100_000)}, // the same for any cuts
		)
	}
}

func ExampleTestSink() {
	_ = func(t *testing.T) { // func TestCollector(t *testing.T)
		pipetest.TestSink(t, func(testing.TB) pipetest.Target {
			c := new(pipetest.Collector)
			return pipetest.Target{Sink: c.Sink(), Published: c.Published}
		})
	}
}

func TestUpper(t *testing.T) {
	pipetest.NoLeaks(t)
	pipetest.TestStage(t, Upper,
		pipetest.Case{Name: "nothing", Out: []byte{}},
		pipetest.Case{Name: "a word", In: []byte("weir"), Out: []byte("WEIR")},
		pipetest.Case{Name: "any bytes", In: make([]byte, 100_000)},
	)
}
