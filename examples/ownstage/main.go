// Ownstage has a stage of its own, which numbers lines: one function that reads from an inlet and writes to
// an outlet.
package main

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
	"github.com/weirflow/weir/stages"
)

// number returns a stage that puts a number in front of each line.
func number() pipeline.Stage {
	return pipeline.NewStage("number", func(ctx context.Context, in *pipeline.Inlet, out *pipeline.Outlet) error {
		w := out.Writer(ctx)
		n := 0
		for line, err := range in.Lines(ctx) {
			if err != nil { // a line of more than 1 MiB, or an upstream error
				return err
			}
			n++
			if _, err := fmt.Fprintf(w, "%3d  %s\n", n, line); err != nil {
				return err
			}
		}
		return w.Flush()
	})
}

func main() {
	log.SetFlags(0)
	text := strings.Repeat("a line\n", 1_000_000)
	report, err := sources.Bytes([]byte(text)).
		Via(number()).
		Via(stages.Take(36)).
		To(sinks.Stdout()).
		Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	// Nothing after the third line is needed, so the stages before have been stopped.
	fmt.Println("all was read:", report.Nodes[1].In == int64(len(text)))
}

// Output:
//   1  a line
//   2  a line
//   3  a line
// all was read: false
