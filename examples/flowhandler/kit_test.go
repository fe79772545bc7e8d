package main

import (
	"fmt"
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
)

func TestReport(t *testing.T) {
	pipetest.NoLeaks(t)
	var want []byte
	for i := range 100_000 {
		want = fmt.Appendf(want, "line %d\n", i)
	}
	pipetest.TestSource(t, func() pipeline.Source { return report(false) }, want)
}
