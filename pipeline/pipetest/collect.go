package pipetest

import (
	"bytes"
	"context"
	"io"
	"sync"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// Collector is a place in memory for a stream, with a sink that fills it the way a
// file should be filled: what a run delivered is published in its last step, and
// only if the run succeeded. The zero Collector is ready for use, by any number of
// runs, at once too.
type Collector struct {
	mu       sync.Mutex
	outcomes []Outcome

	// What the conformance tests ask for in addition.
	hold   bool                                                    // keep the chunks themselves until the end: whoever writes to them later is seen
	before func(ctx context.Context, received int, eof bool) error // called before every Next and at EOF
}

// Outcome is how one run ended for a [Collector].
type Outcome struct {
	Data      []byte // what the sink received; owned by the caller
	Chunks    int    // in how many chunks
	EOF       bool   // the sink has seen the end of the stream
	Published bool   // the run succeeded
	Failed    error  // what the last step was told if it did not
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

// Outcomes returns how the runs so far ended, in the order in which they did. A run
// whose sink was never started has none.
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

// Undone returns the error with which the latest run was undone, or nil if it was
// published or there was none.
func (c *Collector) Undone() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.outcomes) == 0 {
		return nil
	}
	return c.outcomes[len(c.outcomes)-1].Failed
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
