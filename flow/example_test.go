package flow_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/weirflow/weir/flow"
	"github.com/weirflow/weir/flow/std"
	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/sinks"
	"github.com/weirflow/weir/sources"
)

// A program adds an element of its own, and runs a flow with it.
func Example() {
	reg := std.Registry()
	err := reg.Add(&flow.Element{
		Name: "text:", Doc: "the words behind the colon", Example: "text:hello ! -",
		Source: func(_ *flow.Build, word string) (pipeline.Source, error) {
			return sources.Bytes([]byte(strings.TrimPrefix(word, "text:"))), nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := reg.Parse("text:hello, world", "!", "gzip", "level=9", "!", "gunzip", "!", "take", "bytes=5", "!", "-")
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := f.Pipeline(flow.BuildOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := p.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: hello
}

// What is wrong with a flow is an error that points at a word.
func ExampleError() {
	_, err := std.Registry().Parse("access.log", "!", "gizp", "!", "access.log.gz")
	if fe, ok := err.(*flow.Error); ok { //nolint:errorlint // Parse returns it bare
		fmt.Println(fe.Message)
		fmt.Println(fe.Excerpt(60))
		fmt.Println(fe.Hint)
	}
	// Output:
	// unknown stage "gizp"
	// access.log ! gizp ! access.log.gz
	//              ^^^^
	// did you mean gzip?
}

// A line of configuration is a stage.
func ExampleRegistry_Stage() {
	stage, err := std.Registry().Stage("skip bytes=7 ! md5 name=words")
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := sources.Bytes([]byte("hello, world")).Via(stage).To(sinks.Stdout()).Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: 7d793037a0760186574b0282f2f435e7  words
}
