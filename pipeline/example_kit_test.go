package pipeline_test

import (
	"bytes"
	"slices"
	"sync"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
)

// The examples that are parts of flows are copied, so they keep what the package promises.

func TestExampleStage(t *testing.T) {
	pipetest.NoLeaks(t)
	pipetest.TestStage(t, upper,
		pipetest.Case{Name: "nothing", Out: []byte{}},
		pipetest.Case{Name: "not only ASCII", In: []byte("größer als ſ und ı"), Out: []byte("GRößER ALS ſ UND ı")},
		pipetest.Case{Name: "long", In: bytes.Repeat([]byte("weir "), 20_000)},
	)
}

func TestExampleFirstWord(t *testing.T) {
	pipetest.NoLeaks(t)
	pipetest.TestStageWith(t, firstWord, pipetest.StageOptions{EndsEarly: true},
		pipetest.Case{Name: "one word", In: []byte("weir"), Out: []byte("weir")},
		pipetest.Case{Name: "words", In: []byte("weir is a dam"), Out: []byte("weir")},
		pipetest.Case{Name: "space first", In: []byte(" dam"), Out: []byte{}},
	)
}

func TestExampleSource(t *testing.T) {
	pipetest.NoLeaks(t)
	pipetest.TestSource(t, func() pipeline.Source { return squares(5) }, []byte("0\n1\n4\n9\n16\n"))
}

func TestExampleSink(t *testing.T) {
	pipetest.NoLeaks(t)
	pipetest.TestSink(t, func(testing.TB) pipetest.Target {
		var mu sync.Mutex
		var all []byte
		published := false
		sink := page(func(b []byte) {
			mu.Lock()
			defer mu.Unlock()
			all, published = append(all, b...), true
		})
		return pipetest.Target{Sink: sink, Published: func() ([]byte, bool) {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(all), published
		}}
	})
}
