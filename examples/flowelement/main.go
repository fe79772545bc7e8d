// Flowelement adds a stage of its own to the flow language, then explains and runs the flow that it
// is given, such as: access.log ! mask byte=x ! gzip ! masked.gz
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/flow/std"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/stages"
)

var mask = flow.Element{
	Name: "mask", Doc: "replaces a byte by a star", Example: "in ! mask byte=x ! out", Pure: true,
	Options: []flow.Option{{Name: "byte", Doc: "the byte", Type: flow.Text(), Required: true, Example: "x"}},
	Stage: func(_ *flow.Build, v flow.Values) (pipeline.Stage, error) {
		masked := v.Text("byte")
		if len(masked) != 1 { // the end of a chunk could cut more
			return pipeline.Stage{}, fmt.Errorf("mask takes byte=B, got %q", masked)
		}
		stars := stages.Map(func(dst, src []byte) ([]byte, error) {
			return append(dst, bytes.ReplaceAll(src, []byte(masked), []byte("*"))...), nil
		})
		return pipeline.NewStage("mask", stars.Run), nil // the same, under the element's name
	},
}

func run(words ...string) error {
	reg := std.Registry()
	if err := reg.Add(&mask); err != nil {
		return err
	}
	f, err := reg.Parse(words...)
	if err != nil {
		return err // a *flow.Error, with the word and a hint
	}
	built, err := f.Build(flow.BuildOptions{})
	if err == nil {
		err = built.Explain(os.Stdout, nil)
	}
	if err == nil {
		_, err = built.Pipeline.Run(context.Background())
	}
	return err
}

func main() {
	if err := run(os.Args[1:]...); err != nil {
		log.Fatal(err)
	}
}
