package pipetest

import (
	"bytes"
	"context"
	"io"
	"sync"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// Collector is a place in memory for a stream. Its sink writes it as a
// file should be written: what a run delivers is published in the last step, and
// only if the run succeeded. The zero Collector is ready for use, by any number of
// concurrent runs.
type Collector struct {
	mu       sync.Mutex
	outcomes []Outcome

	// For the conformance tests.
	hold   bool                                                    // keep the chunks until the end, so that later writes to them are found
	before func(ctx context.Context, received int, eof bool) error // called before every Next and at EOF
}

// Outcome is how one run ended for a [Collector].
type Outcome struct {
	Data      []byte // what the sink received; owned by the caller
	Chunks    int    // how many chunks it received
	EOF       bool   // the sink received io.EOF
	Published bool   // the run succeeded
	Failed    error  // what the last step was called with; nil if Published
}

// Sink returns the sink that fills c. Its name is "collector".
func (c *Collector) Sink() pipeline.Sink { return pipeline.NewSink("collector", c.collect) }

func (c *Collector) collect(ctx context.Context, in *pipeline.Inlet) error {
	var o Outcome
	in.AtEnd(func(_ context.Context, failed error) error {
		o.Published, o.Failed = failed == nil, failed
		c.mu.Lock()
		defer c.mu.Unlock()
		c.outcomes = append(c.outcomes, o)
		return nil
	})
	var held []pipeline.Chunk
	defer func() {
		for _, chunk := range held {
			o.Data = append(o.Data, chunk.Bytes()...)
			chunk.Release()
		}
	}()
	hook := func(eof bool) error {
		if c.before == nil {
			return nil
		}
		return c.before(ctx, o.Chunks, eof)
	}
	for {
		if err := hook(false); err != nil {
			return err
		}
		chunk, err := in.Next(ctx)
		if err == io.EOF {
			o.EOF = true
			return hook(true)
		}
		if err != nil {
			return err
		}
		o.Chunks++
		if c.hold {
			held = append(held, chunk)
			continue
		}
		o.Data = append(o.Data, chunk.Bytes()...)
		chunk.Release()
	}
}

// Outcomes returns the outcomes of the runs so far, in the order of their ends. A run
// whose sink never started has none.
func (c *Collector) Outcomes() []Outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Outcome(nil), c.outcomes...)
}

// Published returns what the latest successful run delivered, and whether there was one.
func (c *Collector) Published() (data []byte, ok bool) {
	outcomes := c.Outcomes()
	for i := len(outcomes) - 1; i >= 0; i-- {
		if outcomes[i].Published {
			return outcomes[i].Data, true
		}
	}
	return nil, false
}

// Collect runs source and returns what it emits. The test ends if the run fails.
func Collect(t testing.TB, source pipeline.Source) []byte {
	t.Helper()
	var c Collector
	if _, err := source.To(c.Sink()).Run(t.Context()); err != nil {
		t.Fatalf("run: %v", err)
	}
	data, _ := c.Published()
	return data
}

// Apply runs input, as one chunk, through stage and returns what comes out. The
// test ends if the run fails.
func Apply(t testing.TB, stage pipeline.Stage, input []byte) []byte {
	t.Helper()
	return Collect(t, Source(bytes.Clone(input)).Via(stage))
}
