package main

import (
	"testing"

	"github.com/weirflow/weir/pipeline"
	"github.com/weirflow/weir/pipeline/pipetest"
)

func TestNumber(t *testing.T) {
	pipetest.NoLeaks(t)
	pipetest.TestStage(t, number,
		pipetest.Case{Name: "nothing", Out: []byte{}},
		pipetest.Case{Name: "lines", In: []byte("a\n\nlast"), Out: []byte("  1  a\n  2  \n  3  last\n")},
		pipetest.Case{Name: "too long", In: make([]byte, 1<<20+1), Err: pipeline.ErrLineTooLong},
	)
}
