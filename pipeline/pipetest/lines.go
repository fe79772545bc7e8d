package pipetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// lineLengths are those of the long lines that every stage gets, in bytes: longer than a bufio.Scanner takes, and longer
// than one with a buffer of 1 MiB does.
var lineLengths = []int{100 << 10, 2 << 20}

// longLines gives the stage two texts that differ only in their last line. If the outputs differ, they must do so also
// when a long line comes before: else the stage has dropped what follows it. An error is an answer, too.
func (s *stageTest) longLines(t testing.TB) {
	t.Helper()
	output := func(what string, long int, last string) (out []byte, err error) {
		text := []byte("one\ntwo\n")
		if long > 0 {
			text = append(text, strings.Repeat("x", long)+"\n"...)
		}
		text = append(text, last...)
		var c Collector
		_, err = s.run(t.Context(), t, what, Source(text, evenly(len(text), steps)...).Via(s.stage()).To(c.Sink()))
		out, _ = c.Published()
		return out, err
	}
	differs := func(what string, long int) (differ bool, err error) {
		one, err := output(what, long, "last\n")
		if err != nil {
			return false, err
		}
		other, err := output(what, long, "tsal\n")
		return string(one) != string(other), err
	}
	what := "short lines"
	if differ, err := differs(what, 0); err != nil || !differ {
		s.notLeft(t, what, err) // it is not for texts, or what it emits says nothing about them
		return
	}
	for _, n := range lineLengths {
		what = fmt.Sprintf("a line of %d bytes", n)
		differ, err := differs(what, n)
		if s.notLeft(t, what, err); err == nil && !differ {
			t.Errorf("%s: what follows it is not in the output", what)
		}
	}
}

// notLeft reports a stage that returned nil before the end of its input.
func (s *stageTest) notLeft(t testing.TB, what string, err error) {
	t.Helper()
	if errors.Is(err, pipeline.ErrInputLeft) {
		t.Errorf("%s: %v", what, err)
	}
}
