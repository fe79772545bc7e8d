package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/weirflow/weir/pipeline"
)

// A message is one line. Errors that were joined are divided by a semicolon, and a line break in a name is none of those.
func TestMessage(t *testing.T) {
	a, b := errors.New("a\nb: no such file"), errors.New("c: no\x1b[2J")
	for _, test := range []struct {
		err  error
		want string
	}{
		{a, `a\nb: no such file`},
		{errors.Join(a), `a\nb: no such file`},
		{errors.Join(a, b), `a\nb: no such file; c: no\x1b[2J`},
		{fmt.Errorf("x: %w", errors.Join(a, b)), `x: a\nb: no such file; c: no\x1b[2J`},
		{fmt.Errorf("x: %w, y: %w", errors.Join(a, b), a), `x: a\nb: no such file; c: no\x1b[2J, y: a\nb: no such file`},
		{&pipeline.Error{Node: "a\nb", Err: &fs.PathError{Op: "open", Path: "a\nb", Err: fs.ErrPermission}}, `"a\nb": permission denied`},
	} {
		if got := Message(test.err); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
